"""Files of parquet on the command line, beside pyarrow, which only reads the same columns."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from .engines import _data
from .figures import AT_LEAST, absolute, ratio, row
from .timing import interleave, once

if TYPE_CHECKING:
    from collections.abc import Callable

    from .peers import Peer
    from .results import Results

TABLE = "Files of parquet"
ROUNDS = 5


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module: 20 M rows in 100 groups."""
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        results.skip(TABLE, str(error))
        return
    path = str(_data.prepare()[0])
    routes: dict[str, Callable[[], object]] = {
        "historian summarize --by": lambda: command(path, "--by", "key"),
        "historian summarize": lambda: command(path),
        "a process of historian summarize --by": lambda: process(path),
        "pyarrow.parquet.read_table": lambda: pq.read_table(path, columns=["key", "value"]),
    }
    cases = interleave([once(name, run, _data.ROWS) for name, run in routes.items()], ROUNDS)
    what = f"{_data.ROWS // 1_000_000} M rows of parquet in {_data.GROUPS} groups"
    ours = cases["historian summarize --by"]
    results.add(absolute(f"historian summarize --by: {what}, for each row", 25, ours, "ns", 1))
    for name, case in cases.items():
        results.add(row(TABLE, name, what, case))
    reading = cases["pyarrow.parquet.read_table"]
    results.add(
        ratio(f"{what}: pyarrow.parquet.read_table / historian summarize --by", 0.5, reading, ours, sense=AT_LEAST)
    )


def command(path: str, *options: str) -> None:
    """Run the command in this process."""
    from historian.cli import main

    with contextlib.redirect_stdout(io.StringIO()):
        if main(["summarize", path, "--column", "value", *options]):
            raise RuntimeError("the command has failed")


def process(path: str) -> None:
    """Run the command as a process, which has to start and to import pyarrow."""
    words = [sys.executable, "-m", "historian", "summarize", path, "--column", "value", "--by", "key"]
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True, env=os.environ)
