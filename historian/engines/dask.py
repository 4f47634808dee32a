"""Histograms on Dask: of the columns of data frames, of arrays, and of delayed values.

`histograms` and `merge` reduce as a tree: a task makes the histograms of one partition, and a task merges those of at
most `FAN_IN` tasks.  No task holds more than one partition, or `FAN_IN` tables of one row for each group, about 1 KB a
row.  Results are those of one recorder that saw all values: in counts, minimum, maximum and sum, in any order, and if
workers are lost and their tasks run again.

>>> import dask.dataframe as dd
>>> import pandas as pd
>>> from historian import Histogram
>>> from historian.engines import dask
>>> calls = pd.DataFrame({"route": ["/users", "/search", "/users"], "latency": [0.012, 0.250, 0.015]})
>>> blobs = dask.histograms(dd.from_pandas(calls, npartitions=2), value="latency", by="route")
>>> {route: Histogram.from_bytes(blob).count for route, blob in blobs.compute().itertuples(index=False)}
{'/users': 2, '/search': 1}
>>> blobs.assign(p99=dask.quantile(blobs["histogram"], 0.99))[["route", "p99"]].compute().round(3)
     route    p99
0   /users  0.015
1  /search  0.250
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial as bound

try:
    import dask
    import dask.array as da
    import dask.dataframe as dd
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from dask.dataframe.utils import has_known_categories
except ImportError as _error:
    raise ImportError("historian.engines.dask needs Dask: run pip install 'latency-historian[dask]'") from _error

from ..histogram import merge as merge_histograms
from . import arrow
from ._arguments import check, names_of, share
from ._columns import COLUMN, merged, partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from dask.delayed import Delayed
    from pandas.api.typing import SeriesGroupBy

__all__ = ["FAN_IN", "histogram", "histograms", "merge", "quantile"]

#: How many tables or histograms a task merges at most.
FAN_IN = 8
#: The type of a column of blobs: `Histogram.to_bytes`.
BLOBS = pd.ArrowDtype(pa.binary())
#: The name of the column of values that are an array: a name that no column of keys can have.
VALUES = COLUMN


def histograms(
    data: Any, value: str | None = None, by: Any = (), unit: str = "s", invalid: str = "raise"
) -> dd.DataFrame:
    """Return the histogram of each group of values: a lazy data frame of the columns `by`, and of blobs, `histogram`.

    `data` is a data frame of Dask: `value` names the column of values, and `by` those of the keys, one name or a list.
    Or it is an array of Dask of any shape: `by` is then an array of keys of the same shape, which gives a column called
    `by`, or a mapping of names to such arrays.  Without `by`, the result has one row for all values.  A missing key,
    such as None or NaN, has a row of its own.  The result has one partition, in no particular order, and no row for a
    group without values.

    Missing, NaN, infinite and negative values raise ValueError in the task that meets them, which says how many there
    are in its partition.  With ``invalid="drop"`` they are left out.  O(rows), in a tree of tasks: see the module.
    """
    if isinstance(data, da.Array):
        data, by, value = *_frame_of_arrays(data, by), VALUES
    if not isinstance(data, dd.DataFrame):
        raise TypeError(f"data must be a data frame or an array of Dask, not {type(data).__name__}")
    if value is None:
        raise TypeError("value must name the column of the values")
    check(unit, invalid)
    names = names_of(by)
    data = data[list(dict.fromkeys([*names, value]))]
    return _reduced(data, names, _partial_of_frame, value=value, unit=unit, invalid=invalid)


def merge(blobs: Any, by: str | Sequence[str] = ()) -> Any:
    """Return the sums of histograms, lazily.

    `blobs` is a data frame of Dask with a column `histogram`, such as `histograms` returns: the result has the columns
    `by`, and one row for each group.  Or it is a list of delayed histograms, or of delayed blobs: the result is one
    delayed `Histogram`, empty if there are none.

    O(rows), in a tree of tasks: see the module.  A blob that is missing or damaged raises ValueError in its task, which
    names the row within the rows that the task merges; so do histograms of different units.
    """
    if isinstance(blobs, dd.DataFrame):
        names = names_of(by)
        return _reduced(blobs[[*names, COLUMN]], names, _merged_frame)
    if isinstance(blobs, dd.Series) or not isinstance(blobs, Iterable):
        raise TypeError(f"blobs must be a data frame of Dask, or a list of delayed values, not {type(blobs).__name__}")
    if names_of(by):
        raise TypeError("delayed histograms have no columns: leave out by")
    return _merged_delayed(list(blobs))


def quantile(blobs: dd.Series, q: float) -> dd.Series:
    """Return the q-quantile, 0..1, of each histogram of a column of blobs: a lazy column of floats.

    It is NaN for a missing blob and an empty histogram.  O(rows).  Raises ValueError for q outside 0..1, and in the
    task for a damaged blob.
    """
    return blobs.map_partitions(_quantiles, share(q), meta=(blobs.name, "float64"))


def histogram(unit: str = "s", invalid: str = "raise") -> dd.Aggregation:
    """Return an aggregation for `groupby` of Dask, which gives a column of blobs.

    Use it where other aggregations of the same groups are needed, or ``split_out`` for more groups than fit into one
    partition.  `histograms` is faster.  Dask leaves out rows without a key, unless `groupby` has ``dropna=False``.

    >>> import dask.dataframe as dd
    >>> import pandas as pd
    >>> from historian import Histogram
    >>> from historian.engines.dask import histogram
    >>> calls = dd.from_pandas(pd.DataFrame({"route": ["a", "b", "a"], "latency": [1.0, 2.0, 3.0]}), npartitions=2)
    >>> blobs = calls.groupby("route")["latency"].agg(histogram(unit="ms")).compute()
    >>> Histogram.from_bytes(blobs["a"]).sum
    4.0
    """
    check(unit, invalid)
    chunk = bound(_partial_of_groups, unit=unit, invalid=invalid)
    return dd.Aggregation("histogram", chunk, _merged_groups)


# ---- trees ----


def _reduced(
    data: dd.DataFrame, names: list[str], chunk: Callable[..., pd.DataFrame], **arguments: Any
) -> dd.DataFrame:
    """Return the sums of the tables that `chunk` makes of partitions.  A task merges at most `FAN_IN` tables."""
    keys = data._meta[names]
    shared = {"names": names, "keys": keys}
    return data.reduction(
        chunk,
        aggregate=_merged_frame,
        combine=_merged_frame,
        meta=keys.assign(**{COLUMN: pd.array([], BLOBS)}),
        token="histograms",
        split_every=FAN_IN,
        chunk_kwargs=arguments,
        **shared,
    )


def _merged_delayed(parts: list[Any]) -> Delayed:
    """Return the sum of delayed histograms."""
    add = dask.delayed(merge_histograms, name="merge", pure=True)
    while len(parts) > FAN_IN:
        parts = [add(parts[start : start + FAN_IN]) for start in range(0, len(parts), FAN_IN)]
    return add(parts)


# ---- tasks ----


def _partial_of_frame(
    frame: pd.DataFrame, names: list[str], keys: pd.DataFrame, value: str, unit: str, invalid: str
) -> pd.DataFrame:
    columns = {name: pa.array(frame[name], from_pandas=True) for name in names}
    return _frame(partial(pa.table({**columns, VALUES: _numbers(frame[value])}), VALUES, names, unit, invalid), keys)


def _numbers(values: pd.Series[Any]) -> pa.Array:
    """Return values as a column of Arrow: in place, if they are numbers of numpy."""
    return pa.array(values.to_numpy() if values.dtype.kind in "iuf" and hasattr(values.dtype, "byteorder") else values)


def _merged_frame(frame: pd.DataFrame, names: list[str], keys: pd.DataFrame) -> pd.DataFrame:
    columns = {name: pa.array(frame[name], from_pandas=True) for name in names}
    return _frame(merged(pa.table({**columns, COLUMN: pa.array(frame[COLUMN], pa.binary())}), names), keys)


def _frame(table: pa.Table, keys: pd.DataFrame) -> pd.DataFrame:
    """Return a table of histograms as a data frame, whose columns of keys have the types that they had in Dask."""
    frame = table.to_pandas(types_mapper={pa.binary(): BLOBS}.get)
    return frame.astype({name: _type_of(column) for name, column in keys.items()})


def _type_of(keys: pd.Series[Any]) -> Any:
    """Return the type of a column; without categories if these are known only when tasks run."""
    is_unknown = isinstance(keys.dtype, pd.CategoricalDtype) and not has_known_categories(keys)
    return "category" if is_unknown else keys.dtype


def _quantiles(blobs: pd.Series[Any], q: float) -> pd.Series[float]:
    found = arrow.quantile(pa.array(blobs, pa.binary()), q).to_numpy(zero_copy_only=False)
    return pd.Series(found, blobs.index, "float64", blobs.name)


# ---- groups of pandas ----


def _partial_of_groups(grouped: SeriesGroupBy[Any, Any], unit: str, invalid: str) -> pd.Series[Any]:
    """Return the histogram of each group."""
    table = _numbered(grouped, _numbers)
    return _by_label(grouped, partial(table, COLUMN, ["number"], unit, invalid))


def _merged_groups(grouped: SeriesGroupBy[Any, Any]) -> pd.Series[Any]:
    """Return the sum of the histograms of each group."""
    return _by_label(grouped, merged(_numbered(grouped, bound(pa.array, type=pa.binary())), ["number"]))


def _numbered(grouped: SeriesGroupBy[Any, Any], convert: Callable[[pd.Series[Any]], pa.Array]) -> pa.Table:
    """Return the values with the numbers of their groups, without values that belong to no group."""
    numbers, values = grouped.ngroup(), grouped.obj
    if numbers.hasnans:
        values, numbers = values[numbers.notna()], numbers.dropna().astype("int64")
    return pa.table({"number": pa.array(numbers.to_numpy()), COLUMN: convert(values)})


def _by_label(grouped: SeriesGroupBy[Any, Any], table: pa.Table) -> pd.Series[Any]:
    """Return the blobs of a table with the labels of their groups as the index."""
    sizes = grouped.size()
    labels = sizes.index[sizes > 0]  # groups are numbered without the categories that have no row
    return pd.Series(pd.array(table.column(COLUMN), BLOBS), labels.take(table.column("number").to_numpy()))


# ---- arrays ----


def _frame_of_arrays(values: da.Array, by: Any) -> tuple[dd.DataFrame, list[str]]:
    """Return an array and those of its keys as a data frame: a partition for each block."""
    keys = dict(by) if isinstance(by, Mapping) else {} if isinstance(by, tuple) and not by else {"by": by}
    columns = {VALUES: values, **{name: _aligned(name, array, values) for name, array in keys.items()}}
    blocks = zip(*(array.to_delayed().ravel() for array in columns.values()))
    meta = pd.DataFrame({name: pd.Series(np.empty(0, array.dtype)) for name, array in columns.items()})
    make = dask.delayed(_frame_of_blocks, pure=True)
    return dd.from_delayed([make(list(columns), *parts) for parts in blocks], meta, verify_meta=False), list(keys)


def _aligned(name: str, keys: Any, values: da.Array) -> da.Array:
    """Return an array of keys in the blocks of the values."""
    if not isinstance(keys, da.Array):
        raise TypeError(f"{name} must be an array of Dask, not {type(keys).__name__}")
    is_known = not np.isnan([*keys.shape, *values.shape]).any()
    wanted, found = (values.shape, keys.shape) if is_known else (values.numblocks, keys.numblocks)
    if wanted != found:
        what = "shape" if is_known else "number of blocks"
        raise ValueError(f"{name} must have the {what} of the values, {wanted}, not {found}")
    return keys.rechunk(values.chunks) if is_known else keys


def _frame_of_blocks(names: list[str], *blocks: Any) -> pd.DataFrame:
    return pd.DataFrame({name: np.ravel(block) for name, block in zip(names, blocks)})
