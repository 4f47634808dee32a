"""A Spark in a JVM of its own, which this process starts; raises ImportError where it cannot."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import SparkSession
from spark_cluster import environment


@contextmanager
def running(folder: Path) -> Iterator[SparkSession]:
    """Run Spark with two cores, on loopback, with its files in a folder."""
    os.environ.update({name: value for name, value in environment().items() if "SPARK" in name})
    builder = SparkSession.builder.master("local[2]").config("spark.driver.host", "127.0.0.1")
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": "2g",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.session.timeZone": "Europe/Berlin",  # where an hour comes twice
        "spark.sql.warehouse.dir": str(folder),
    }.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    try:
        yield session
    finally:
        session.stop()
