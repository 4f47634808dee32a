"""Histograms on Ray Data: of the columns of datasets.

`histograms` and `merge` reduce as a tree: a task makes the histograms of one block, a task merges at most `ROWS` of
them, and what is left is shuffled by key into `PARTITIONS` tasks.  Blobs take about 1 KB.  Results are those of one
recorder that saw all values: in counts, minimum, maximum and sum, in any order, and if workers are lost and their tasks
run again::

    from historian.engines import ray

    blobs = ray.histograms(ray.data.read_parquet("calls/"), value="latency", by=["route"])
    by_route = {row["route"]: Histogram.from_bytes(row["histogram"]) for row in blobs.iter_rows()}
"""

from __future__ import annotations

try:
    import pyarrow as pa
    import ray.data
    from ray.data.aggregate import AggregateFnV2
    from ray.data.block import BlockAccessor
except ImportError as _error:
    raise ImportError("historian.engines.ray needs Ray Data: run pip install 'latency-historian[ray]'") from _error

from ..histogram import Histogram
from ..histogram import merge as merge_histograms
from . import arrow
from ._arguments import check, names_of, share
from ._columns import COLUMN, merged, partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ray.data.block import Block

__all__ = ["PARTITIONS", "ROWS", "Aggregation", "histograms", "merge", "quantile"]

#: How many histograms a task merges at most, before the shuffle: about 16 MB.
ROWS = 1 << 14
#: How many tasks merge the histograms of the same keys, after the shuffle.
PARTITIONS = 8


def histograms(
    dataset: ray.data.Dataset, value: str, by: str | Sequence[str] = (), unit: str = "s", invalid: str = "raise"
) -> ray.data.Dataset:
    """Return the histogram of each group of values: a lazy dataset of the columns `by`, and of blobs, `histogram`.

    `value` names the column of values, and `by` those of the keys, one name or a list.  Without `by`, the result has
    one row for all values.  A missing key has a row of its own.  Rows come in no particular order, and there is none
    for a group without values.

    Missing, NaN, infinite and negative values raise ValueError in the task that meets them, which says how many there
    are in its block; Ray raises a `RayTaskError` whose text holds it.  With ``invalid="drop"`` they are left out.
    O(rows), in a tree of tasks: see the module.
    """
    names = names_of(by)
    check(unit, invalid)
    arguments = {"value": value, "by": names, "unit": unit, "invalid": invalid}
    columns = dataset.select_columns(list(dict.fromkeys([*names, value])))
    return _reduced(columns.map_batches(partial, batch_size=None, batch_format="pyarrow", fn_kwargs=arguments), names)


def merge(blobs: ray.data.Dataset, by: str | Sequence[str] = ()) -> ray.data.Dataset:
    """Return the sums of the histograms in the column `histogram` of a dataset: a row for each group, as `histograms`.

    O(rows), in a tree of tasks: see the module.  A blob that is missing or damaged raises ValueError in its task, which
    names the row within the rows that the task merges; so do histograms of different units.
    """
    names = names_of(by)
    return _reduced(blobs.select_columns([*names, COLUMN]), names)


def quantile(blobs: ray.data.Dataset, q: float, *, column: str = "quantile") -> ray.data.Dataset:
    """Return a dataset of blobs with the q-quantile, 0..1, of each histogram in one more column: see `column`.

    It is null for a missing blob and an empty histogram.  O(rows).  Raises ValueError for q outside 0..1, and in the
    task for a damaged blob.
    """
    arguments = {"q": share(q), "column": column}
    return blobs.map_batches(_with_quantiles, batch_size=None, batch_format="pyarrow", fn_kwargs=arguments)


class Aggregation(AggregateFnV2[bytes, bytes]):  # type: ignore[misc, unused-ignore]  # where Ray is not installed
    """An aggregation for `Dataset.groupby` and `Dataset.aggregate`, which gives a column of blobs.

    Use it where other aggregations of the same groups are needed, or more partitions than `PARTITIONS`.  For many
    groups `histograms` is faster: Ray calls an aggregation once for each group of a block::

        dataset.groupby("route").aggregate(Count(), Aggregation("latency", unit="ms"))

    `on` names the column of values, and `name` the column of the result.  Raises ValueError as `histograms` does.
    """

    unit: str
    invalid: str

    def __init__(self, on: str, *, unit: str = "s", invalid: str = "raise", name: str = COLUMN) -> None:
        check(unit, invalid)
        self.unit, self.invalid = unit, invalid
        empty = Histogram.from_values([], unit=unit).to_bytes()
        super().__init__(name, lambda: empty, on=on, ignore_nulls=False)

    def aggregate_block(self, block: Block) -> bytes:
        """Return the histogram of the values of a block, which are those of one group."""
        column = self.get_target_column()
        table = partial(BlockAccessor.for_block(block).to_arrow(), str(column), [], self.unit, self.invalid)
        blobs: list[bytes] = table.column(COLUMN).to_pylist()
        return blobs[0] if blobs else Histogram.from_values([], unit=self.unit).to_bytes()

    def combine(self, current_accumulator: bytes, new: bytes) -> bytes:
        """Return the sum of two histograms."""
        return merge_histograms([current_accumulator, new]).to_bytes()


# ---- tree ----


def _reduced(parts: ray.data.Dataset, names: list[str]) -> ray.data.Dataset:
    """Return the sums of tables of histograms."""
    parts = _merged(parts.repartition(target_num_rows_per_block=ROWS, strict=True), names)
    return _merged(parts.repartition(PARTITIONS, keys=names) if names else parts.repartition(1), names)


def _merged(parts: ray.data.Dataset, names: list[str]) -> ray.data.Dataset:
    """Return the sums of the histograms of each block."""
    return parts.map_batches(merged, batch_size=None, batch_format="pyarrow", fn_kwargs={"by": names})


def _with_quantiles(table: pa.Table, q: float, column: str) -> pa.Table:
    return table.append_column(column, arrow.quantile(table[COLUMN], q))
