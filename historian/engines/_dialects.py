"""`Dialect`: how a query engine writes names, text, types and the few functions that a query of histograms needs."""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DIALECTS", "Dialect", "dialect_of"]

#: Endings of the names of files that DuckDB reads as tables.
FILES = (".parquet", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".gz", ".zst", ".arrow")


class Dialect(NamedTuple):
    """The SQL of one engine.  Templates have ``{}`` where their argument belongs."""

    name: str
    title: str
    mark: str  # before and after a name
    has_escapes: bool  # whether a backslash has a meaning within names and text
    double: str  # the value as a float64
    infinity: str
    text: str  # a number as text
    total: str  # the exact sum of whole numbers of up to 54 bits, as text
    bits: str = ""  # the bits of a float64, as a whole number; empty if there is no way to get them
    item: str = ""  # an element of an array of constants: of {array}, at {index} from 0; empty if there are no arrays
    array: str = ""  # an array of constants, which are separated by commas
    whole: str = "CAST({} AS BIGINT)"
    read: str = "CAST({} AS BIGINT)"  # the whole number that a text is; the query must fail if it is none
    power: str = ""  # 2 to the power of a whole number from 0 to 48
    both: str = "({} & {})"  # the bits that two whole numbers have in common
    shifted: str = "({} >> {})"  # a whole number, shifted to the right
    error: str = ""  # an expression that fails with a text as its message; empty if there is none

    def quoted(self, name: str) -> str:
        """Return a name as SQL, whatever is in it.  Raises TypeError or ValueError for a value that is not a name."""
        if not isinstance(name, str):
            raise TypeError(f"the name of a column must be a string, not {type(name).__name__}")
        if not name or "\0" in name or not _is_encodable(name):
            raise ValueError(f"not the name of a column: {name!r}")
        if self.name == "snowflake" and name.isascii() and name.isidentifier() and name == name.lower():
            name = name.upper()  # as Snowflake does without quotes
        return self._marked(self._bare(name), self.mark)

    def label(self, name: str) -> str:
        """Return the name that a column of the result gets, as it is written."""
        return self._marked(self._bare(name), self.mark)

    def literal(self, text: str) -> str:
        """Return text as SQL, whatever is in it."""
        if self.name == "postgres" and "\\" in text:  # the meaning of a backslash without E depends on a setting
            return "E" + self._marked(text.replace("\\", "\\\\"), "'")
        if self.name == "snowflake":  # a backslash has a meaning in text, not in names
            text = text.replace("\\", "\\\\")
        return self._marked(text, "'")

    def table(self, name: str | Sequence[str]) -> str:
        """Return a table as SQL: a name with dots between its parts, or a sequence of parts; for DuckDB also a file."""
        if isinstance(name, str):
            if self.name == "duckdb" and ("/" in name or "*" in name or name.lower().endswith(FILES)):
                return self.literal(name)
            name = name.split(".")
        return ".".join(self.quoted(part) for part in name)

    def _bare(self, name: str) -> str:
        """Return a name without the quotation marks by which users of Snowflake tell that its case matters."""
        is_quoted = self.name == "snowflake" and len(name) > 2 and name[0] == name[-1] == '"'
        return name[1:-1] if is_quoted else name

    def _marked(self, text: str, mark: str) -> str:
        if not self.has_escapes:
            return f"{mark}{text.replace(mark, 2 * mark)}{mark}"
        if self.name == "spark" and mark == "`":  # a backslash has no meaning there
            return f"`{text.replace('`', '``')}`"
        text = text.replace("\\", "\\\\").replace(mark, f"\\{mark}").replace("\n", "\\n").replace("\r", "\\r")
        return f"{mark}{text}{mark}"


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


DIALECTS = {
    "duckdb": Dialect(
        "duckdb", "DuckDB", '"', False,
        double="CAST({} AS DOUBLE)",
        infinity="CAST('inf' AS DOUBLE)",
        text="CAST({} AS VARCHAR)",
        total="CAST(SUM({}) AS VARCHAR)",  # a sum of BIGINT has 128 bits
        bits="CAST(CAST({} AS BIT) AS BIGINT)",
        item="{array}[{index} + 1]",
        array="[{}]",
        error="error({})",
    ),
    "clickhouse": Dialect(
        "clickhouse", "ClickHouse", "`", True,
        double="toFloat64({})",
        infinity="inf",
        text="toString({})",
        total="toString(SUM(toInt128({})))",
        bits="reinterpretAsInt64({})",
        item="arrayElement({array}, {index} + 1)",
        array="[{}]",
        whole="toInt64({})",
        read="toInt64(assumeNotNull({}))",  # of what may be missing, it would return a missing number
        both="bitAnd({}, {})",
        shifted="bitShiftRight({}, {})",
    ),
    "postgres": Dialect(
        "postgres", "PostgreSQL", '"', False,
        double="CAST({} AS double precision)",
        infinity="CAST('Infinity' AS double precision)",
        text="CAST({} AS text)",
        total="CAST(SUM({}) AS text)",  # a sum of bigint is numeric
        bits="CAST(CAST('x' || encode(float8send({}), 'hex') AS bit(64)) AS bigint)",
        item="({array})[{index} + 1]",
        array="CAST('{{{}}}' AS bigint[])",
    ),
    "spark": Dialect(
        "spark", "Spark", "`", True,
        double="CAST({} AS DOUBLE)",
        infinity="CAST('Infinity' AS DOUBLE)",
        text="CAST({} AS STRING)",
        # Sums of both halves, since a sum of BIGINT has 64 bits, and one of DECIMAL is slow.
        total="CAST(CAST(SUM(shiftright({0}, 27)) AS DECIMAL(38, 0)) * 134217728 + SUM({0} & 134217727) AS STRING)",
        item="{array}[{index}]",
        array="array({})",
        power="CAST(shiftleft(CAST(1 AS BIGINT), CAST({} AS INT)) AS DOUBLE)",
        error="raise_error({})",
    ),
    "bigquery": Dialect(
        "bigquery", "BigQuery", "`", True,
        double="CAST({} AS FLOAT64)",
        infinity="CAST('inf' AS FLOAT64)",
        text="CAST({} AS STRING)",
        total="CAST(SUM(CAST({} AS NUMERIC)) AS STRING)",
        item="{array}[OFFSET({index})]",
        array="[{}]",
        whole="CAST({} AS INT64)",
        power="CAST(CAST(1 AS INT64) << {} AS FLOAT64)",
        error="ERROR({})",
    ),
    "snowflake": Dialect(
        "snowflake", "Snowflake", '"', False,
        double="CAST({} AS FLOAT)",
        infinity="CAST('inf' AS FLOAT)",
        text="CAST({} AS VARCHAR)",
        total="CAST(SUM({}) AS VARCHAR)",  # a sum of NUMBER has 38 digits
        power="CAST(BITSHIFTLEFT(CAST(1 AS BIGINT), {}) AS FLOAT)",
    ),
}  # fmt: skip


def dialect_of(name: str) -> Dialect:
    """Return the dialect of this name.  Raises ValueError if there is none."""
    if name not in DIALECTS:
        raise ValueError(f"dialect must be one of {', '.join(DIALECTS)}, not {name!r}")
    return DIALECTS[name]
