"""The file that all engines read, and the exact quantiles of its groups."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import QUANTILES

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

#: Both are written once, into the folder of builds, which git ignores.
FOLDER = Path(__file__).parents[2] / "build" / "engines"
ROWS = 20_000_000
GROUPS = 100
#: Rows of a row group of the parquet file.
ROW_GROUP = 1 << 20


def columns(rows: int, seed: int = 1) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return keys in random order, and lognormal values with sigma 1, whose median grows from group to group."""
    random = np.random.default_rng(seed)
    keys = random.integers(0, GROUPS, rows, dtype=np.int32)
    values = random.lognormal(-6, 1, rows)
    values *= np.linspace(1, 4, GROUPS)[keys]
    return keys, values


def exact(keys: NDArray[np.int32], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the exact QUANTILES (numpy's ``inverted_cdf``) of each group: a row for each key."""
    order = np.argsort(keys.astype(np.uint8), kind="stable")
    groups = np.split(values[order], np.cumsum(np.bincount(keys, minlength=GROUPS))[:-1])
    return np.array([np.quantile(group, QUANTILES, method="inverted_cdf") for group in groups])


def prepare(rows: int = ROWS) -> tuple[Path, NDArray[np.float64]]:
    """Return the path of the file and the exact quantiles; write both unless they are there."""
    path, truth = FOLDER / f"lognormal-{rows}.parquet", FOLDER / f"lognormal-{rows}.npy"
    if not path.exists() or not truth.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        keys, values = columns(rows)
        _replace(truth, lambda part: np.save(part, exact(keys, values)))
        _replace(path, lambda part: _write(part, keys, values))
    return path, np.load(truth)


def _write(path: Path, keys: NDArray[np.int32], values: NDArray[np.float64]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"key": keys, "value": values})
    pq.write_table(table, path, row_group_size=ROW_GROUP, use_dictionary=["key"])


def _replace(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file under another name first, so that an interrupted run leaves no half of it."""
    part = path.with_name(f"{os.getpid()}-{path.name}")
    write(part)
    part.replace(path)
