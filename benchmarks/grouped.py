"""A histogram of each group of a column, beside what numpy and pandas do; and the sums of a million blobs by group."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

import historian
from historian import Histogram

from .data import latencies
from .figures import AT_LEAST, absolute, ratio, row
from .timing import Case, interleave, once

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

    from .peers import Peer
    from .results import Results

TABLE = "Groups of a column"
ROWS = 20_000_000
FEW, MANY = 100, 100_000
#: Rows with labels of other types: their labels take more memory.
LABELLED = 2_000_000
BLOBS = 1_000_000
#: Blobs that differ; the rest are copies, which cost the same.
DIFFERENT = 1_000
#: Values of each blob: one fills about 200 buckets.
VALUES = 1_000
ROUNDS = 3
#: Of the processor: there is one thread.
CLOCK = time.process_time_ns


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    for groups, target in ((FEW, 12.5), (MANY, 100)):
        codes(results, groups, target)
    try:
        labels(results)
        blobs(results)
    except ImportError as error:
        results.skip(TABLE, f"of other labels, and sums of blobs: {error}")


def codes(results: Results, groups: int, target: float) -> None:
    """Measure 20 M rows whose labels are whole numbers."""
    values, by = latencies(ROWS), np.random.default_rng(2).integers(0, groups, ROWS, dtype=np.int32)
    what = f"{ROWS // 1_000_000} M rows in {groups:,} groups"
    routes: dict[str, Callable[[], object]] = {
        "historian.group": lambda: historian.group(values, by),
        "numpy, sorted": lambda: by_sorting(values, by),
        "Histogram of each, sorted": lambda: by_sorting(values, by, Histogram.from_values),
    }
    try:
        import pandas

        grouped = pandas.DataFrame({"by": by, "value": values}).groupby("by")["value"]
        routes["pandas, quantile"] = lambda: grouped.quantile([0.5, 0.99])
    except ImportError as error:
        results.skip("pandas", str(error))
    cases = interleave([once(name, run, ROWS, CLOCK) for name, run in routes.items()], ROUNDS)
    ours = cases["historian.group"]
    results.add(absolute(f"historian.group: {what}, for each row", target, ours, "ns", 1))
    for name, case in cases.items():
        results.add(row(TABLE, name, what, case))
    each = cases["Histogram of each, sorted"]
    results.add(ratio(f"{what}: a Histogram of each, sorted / historian.group", 2, each, ours, sense=AT_LEAST))


def by_sorting(
    values: NDArray[np.float64], by: NDArray[np.int32], summary: Callable[[NDArray[np.float64]], Any] | None = None
) -> list[Any]:
    """Return the quantiles of each group, or another summary of it: rows are sorted by group."""
    order = np.argsort(by, kind="stable")
    parts = np.split(values[order], np.flatnonzero(np.diff(by[order])) + 1)
    if summary is None:
        summary = partial(np.quantile, q=[0.5, 0.99], method="inverted_cdf")
    return [summary(part) for part in parts]


def labels(results: Results) -> None:
    """Measure labels of other types, of 100 groups."""
    import pandas
    import pyarrow

    values, by = latencies(LABELLED), np.random.default_rng(2).integers(0, FEW, LABELLED)
    texts = np.array([f"/route/{number:02}" for number in range(FEW)])[by]
    series = pandas.Series(texts, dtype="str")
    columns = {
        "whole numbers": by,
        "whole numbers, far apart": by * 10**9,
        "pandas, categorical": series.astype("category"),
        "pandas, str": series,
        "pyarrow, dictionary": pyarrow.array(texts).dictionary_encode(),
        "pyarrow, string": pyarrow.array(texts),
        "numpy, str": texts,
        "a list of str": texts.tolist(),
        "two columns": (by // 10, by % 10),
    }
    try:
        import polars

        columns |= {"polars, String": polars.Series(texts.tolist())}
        columns |= {"polars, Categorical": columns["polars, String"].cast(polars.Categorical)}
    except ImportError as error:
        results.skip("polars", str(error))
    cases: list[Case] = []
    for name, column in columns.items():
        assert len(historian.group(values, column)) == FEW, name
        cases.append(once(name, partial(historian.group, values, column), LABELLED, CLOCK))
    for name, case in interleave(cases, ROUNDS).items():
        results.add(row(TABLE, "historian.group", f"by {name}", case))


def blobs(results: Results) -> None:
    """Measure a million blobs in a column of Arrow, in 100 groups."""
    import pyarrow

    from historian.engines import arrow

    values = latencies(DIFFERENT * VALUES).reshape(DIFFERENT, VALUES)
    some = [Histogram.from_values(part).to_bytes() for part in values]
    column = pyarrow.array([some[k % DIFFERENT] for k in range(BLOBS)], pyarrow.binary())
    by = np.random.default_rng(2).integers(0, FEW, BLOBS)
    table = pyarrow.table({"by": by, "histogram": column})

    def one_by_one() -> list[Histogram]:
        order = np.argsort(by, kind="stable")
        rows = np.split(order, np.flatnonzero(np.diff(by[order])) + 1)
        return [historian.merge(column.take(part).to_pylist()) for part in rows]

    merged = once("arrow.merge", lambda: arrow.merge(table, by="by"), clock=CLOCK)
    cases = interleave([merged, once("historian.merge", one_by_one, clock=CLOCK)], ROUNDS)
    what = f"{BLOBS // 1_000_000} M blobs into {FEW} groups"
    results.add(
        absolute(f"historian.engines.arrow.merge: {what}", 3, cases["arrow.merge"], "s", 1e9),
        row(TABLE, "historian.engines.arrow.merge", what, cases["arrow.merge"], per_unit=BLOBS),
        row(TABLE, "historian.merge of bytes", what, cases["historian.merge"], per_unit=BLOBS),
    )
