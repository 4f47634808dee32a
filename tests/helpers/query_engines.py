"""Engines that execute queries: each loads a table of Arrow, executes SQL, and returns what `histograms` reads."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


class DuckDB:
    """DuckDB, in this process."""

    def __init__(self, folder: Path) -> None:
        duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed")
        self.connection = duckdb.connect()
        self.error = duckdb.Error

    def load(self, table: pa.Table, name: str) -> None:
        self.connection.register("loaded", table)
        quoted = name.replace('"', '""')
        self.connection.execute(f'CREATE OR REPLACE TABLE "{quoted}" AS SELECT * FROM loaded')

    def rows(self, query: str) -> Any:
        return self.connection.execute(query)

    def end(self) -> None:
        self.connection.close()


class Transpiled(DuckDB):
    """DuckDB for another dialect, whose queries sqlglot translates."""

    dialect = ""

    def __init__(self, folder: Path) -> None:
        self.sqlglot = pytest.importorskip("sqlglot", reason="sqlglot is not installed")
        super().__init__(folder)

    def rows(self, query: str) -> Any:
        expressions = self.sqlglot.exp
        (parsed,) = self.sqlglot.parse(query, read=self.dialect, error_level=self.sqlglot.ErrorLevel.RAISE)
        for kind in parsed.find_all(expressions.DataType):  # NUMERIC of BigQuery has 29 digits before the point
            if kind.is_type("decimal", "bigdecimal"):
                kind.replace(expressions.DataType.build("DECIMAL(38, 0)"))
        for item in parsed.find_all(expressions.Bracket):  # sqlglot translates OFFSET of constants only
            item.set("expressions", [expressions.paren(one) + 1 for one in item.expressions])
            item.set("offset", 1)
        return super().rows(parsed.sql(dialect="duckdb"))


class BigQuery(Transpiled):
    dialect = "bigquery"


class Snowflake(Transpiled):
    dialect = "snowflake"


class ClickHouse:
    """ClickHouse, in this process."""

    def __init__(self, folder: Path) -> None:
        chdb = pytest.importorskip("chdb", reason="chdb is not installed")
        from chdb.session import Session

        self.folder = folder
        self.error = (chdb.ChdbError, RuntimeError)
        self.session = Session(str(folder / "clickhouse"))
        self.session.query("CREATE DATABASE IF NOT EXISTS tested ENGINE = Atomic")
        self.session.query("USE tested")

    def load(self, table: pa.Table, name: str) -> None:
        path = self.folder / "loaded.parquet"
        pq.write_table(table, path)
        quoted = name.replace("\\", "\\\\").replace("`", "\\`")
        self.session.query(f"DROP TABLE IF EXISTS `{quoted}`")
        self.session.query(
            f"CREATE TABLE `{quoted}` ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM file('{path}')"
        )

    def rows(self, query: str) -> Any:
        return self.session.query(query, "ArrowTable")

    def end(self) -> None:
        self.session.close()


class Spark:
    """Spark, with two threads."""

    def __init__(self, folder: Path) -> None:
        pytest.importorskip("pyspark", reason="PySpark is not installed")
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession

        self.folder = folder
        self.error = PySparkException
        options = {
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": "2",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
            "spark.log.level": "OFF",
        }
        builder = SparkSession.builder.master("local[2]").appName("historian")
        self.session = builder.config(map=options).getOrCreate()
        self.number = 0

    def load(self, table: pa.Table, name: str) -> None:
        self.number += 1
        path = str(self.folder / f"loaded-{self.number}.parquet")
        pq.write_table(table, path)
        self.session.read.parquet(path).createOrReplaceTempView("`{}`".format(name.replace("`", "``")))

    def rows(self, query: str) -> Any:
        return self.session.sql(query)

    def end(self) -> None:
        self.session.stop()


#: Types of PostgreSQL by those of Arrow.
TYPES = {"int64": "bigint", "double": "double precision", "string": "text", "float": "real"}


class Postgres:
    """PostgreSQL: a server of its own."""

    def __init__(self, folder: Path) -> None:
        self.psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
        import postgres_server

        if postgres_server.FOUND is None:
            pytest.skip("PostgreSQL is not installed")
        self.error = self.psycopg.Error
        self.server = postgres_server.Postgres()
        end = time.monotonic() + postgres_server.PATIENCE
        while True:
            with contextlib.suppress(self.psycopg.OperationalError):
                self.connection = self.psycopg.connect(self.server.address, autocommit=True)
                return
            assert time.monotonic() < end, Path(self.server.folder, "log").read_text()
            time.sleep(0.05)

    def load(self, table: pa.Table, name: str) -> None:
        def quoted(text: str) -> str:
            return '"{}"'.format(text.replace('"', '""'))

        columns = ", ".join(f"{quoted(field.name)} {TYPES[str(field.type)]}" for field in table.schema)
        self.connection.execute(f"DROP TABLE IF EXISTS {quoted(name)}")
        self.connection.execute(f"CREATE TABLE {quoted(name)} ({columns})")
        with self.connection.cursor().copy(f"COPY {quoted(name)} FROM STDIN") as copy:
            for row in zip(*(column.to_pylist() for column in table.columns)):
                copy.write_row(row)

    def rows(self, query: str) -> Any:
        return self.connection.execute(query)

    def end(self) -> None:
        self.connection.close()
        self.server.end()


ENGINES = {
    "duckdb": DuckDB,
    "clickhouse": ClickHouse,
    "postgres": Postgres,
    "spark": Spark,
    "bigquery": BigQuery,
    "snowflake": Snowflake,
}
