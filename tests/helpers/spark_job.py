"""A job on a cluster whose tasks wait for a file, so that a test can kill a process in the middle of it.

``python spark_job.py MASTER FOLDER ROWS``: the tasks of each of its two stages leave the process id of their executor
in FOLDER, and wait there for the file ``go-map`` or ``go-reduce``.  Prints the histograms as JSON: key to hexadecimal.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from historian.engines import spark as hs

if TYPE_CHECKING:
    import pyarrow as pa


def main(master: str, folder: str, rows: int) -> None:
    def waiting(stage: str):  # a function within a function, so that it travels by value
        def wait(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            daemon = os.getppid()  # of Python, which the executor started
            executor = int(Path(f"/proc/{daemon}/stat").read_text().rpartition(")")[2].split()[1])
            for batch in batches:
                Path(folder, f"{stage}-{executor}").touch()
                while not Path(folder, f"go-{stage}").exists():
                    time.sleep(0.02)
                yield batch

        return wait

    builder = SparkSession.builder.master(master).config("spark.driver.host", "127.0.0.1")
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.executor.memory": "512m",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.adaptive.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    numbers = session.range(0, rows, 1, 6)
    data = numbers.select((F.col("id") % 10).alias("key"), (F.col("id") / 7).alias("value"))
    data = data.mapInArrow(waiting("map"), data.schema)
    sums = hs.histograms(data, "value", ["key"])
    found = sums.mapInArrow(waiting("reduce"), sums.schema).collect()
    print(json.dumps({row.key: row.histogram.hex() for row in found}))
    session.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
