"""numpy, which sorts rows by group; and `historian.group` on the same arrays."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq

import historian

from . import QUANTILES, Route
from ._data import GROUPS, exact

PACKAGES = ("numpy", "pyarrow")


def _arrays(path: str) -> tuple[np.ndarray, np.ndarray]:
    table = pq.read_table(path, columns=["key", "value"])
    return table.column("key").to_numpy(), table.column("value").to_numpy()


def sorting(path: str) -> dict[int, list[float]]:
    """Return exact quantiles."""
    return dict(enumerate(exact(*_arrays(path)).tolist()))


def grouping(path: str) -> dict[int, list[float]]:
    """Return the quantiles of histograms."""
    keys, values = _arrays(path)
    groups = historian.group(values, keys)
    return {key: groups[key].quantile(QUANTILES).tolist() for key in range(GROUPS)}


ROUTES = [
    Route("sort by group, exact quantiles", sorting, ours=False, exact=True),
    Route("historian.group", grouping, ours=True, exact=True),
]
