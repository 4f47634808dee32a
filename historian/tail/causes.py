"""What makes requests slow: the share of slow requests that each leaf causes, with the standard errors of samples.

Slow is what takes longer than t.  Let G(m) be the share of requests that are slow and in which no call takes longer
than the upper edge of bucket m.  Its growth from one bucket to the next is the share of slow requests whose longest
call is in bucket m.  If only one leaf has its limit there, and all others one bucket below, the growth is the share in
which only this leaf has calls there: a lower bound of how often it has the longest call.  If only this leaf has its
limit one bucket below, what is missing is an upper bound.  The difference are ties: calls of several leaves in the same
bucket.  The value is the middle, scaled so that all leaves add up to 1.

Samples are drawn from each leaf again (Efron, Annals of Statistics 7, 1979, 1-26: the bootstrap), with a fixed seed.
They need less exactness, so their grid has fewer cells and their limits are further apart.
"""

from __future__ import annotations

from typing import NamedTuple

from .columns import COLUMNS
from .limited import Limited
from .linear import BEYOND, Leaf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from .linear import Row

    _Floats = NDArray[np.float64]

__all__ = ["Shares", "remaining", "slowest"]

#: Cells of the grid, for the values and for samples; for limits, fewer.  All points are a power of two.
CELLS, LIMIT_CELLS, SAMPLE_CELLS = (points - 1 - BEYOND for points in (4096, 1024, 256))

#: Samples, for the shares that remain and for the slowest leaf, and limits for the latter.
SAMPLES, LIMIT_SAMPLES, SAMPLE_LIMITS = 400, 96, 24

#: Samples at once.
TOGETHER = 8

#: Limits, at most: more of them are thinned out.
LIMITS = 400

#: Below the lowest limit, and above the highest, is less than this part of the slow requests.
REST = 1e-4

#: Numbers in the arrays of a part, at most: it bounds the memory.
BLOCK = 2**16

SEED = 1


class Shares(NamedTuple):
    """A share of slow requests for each leaf."""

    values: _Floats
    lower: _Floats  # for any order of the calls within a bucket
    upper: _Floats
    errors: _Floats  # standard errors


def remaining(tree: Any, t: float, changed: Mapping[Any, Any]) -> Shares:
    """Return the slow share with each leaf of a mapping in the form of another distribution, as part of that without.

    One evaluation of the tree for each leaf, and as many of `SAMPLES` samples.
    """
    import numpy

    def ratios(cells: int, samples: int | None) -> _Floats:
        def row(dist: Any, key: int) -> Row:
            leaf = Leaf(dist, t, cells)
            mass = leaf.mass[None]
            if samples is not None:
                mass = leaf.resampled(numpy.random.default_rng((SEED, key)), samples)
            return leaf.limited(leaf.sample(mass), numpy.array([COLUMNS]))

        rows = {x: (row(x, 2 * k), row(y, 2 * k + 1)) for k, (x, y) in enumerate(changed.items())}
        both = Limited(tree, t, cells, rows)
        before = both.slow()
        return numpy.stack([both.slow(frozenset([x])) / numpy.where(before > 0, before, 1.0) for x in changed])

    values = ratios(CELLS, None)[:, 0]
    errors = numpy.zeros(len(values))
    if any(x._confidence is not None for pair in changed.items() for x in pair):
        errors = ratios(SAMPLE_CELLS, SAMPLES).std(axis=1, ddof=1)
    return Shares(values, values, values, errors)


def slowest(tree: Any, t: float, leaves: list[Any]) -> Shares:
    """Return how often the longest call is one of each leaf.

    Twice as many evaluations of the tree as there are leaves, for each bucket that has values and may matter, and for
    as many samples with fewer limits.
    """
    import numpy

    if len(leaves) == 1:
        return Shares(numpy.ones(1), numpy.ones(1), numpy.ones(1), numpy.zeros(1))
    exact = {x: Leaf(x, t, LIMIT_CELLS) for x in leaves}
    limits, at = _limits(tree, t, exact)
    samples = {x: leaf.sample(leaf.mass[None]) for x, leaf in exact.items()}
    lower, upper, total, rest = _parts(tree, t, exact, samples, limits)
    values = _scaled(lower, upper)
    errors = numpy.zeros(len(leaves))
    if any(x._confidence is not None for x in leaves):
        few = numpy.unique(numpy.append(limits[numpy.searchsorted(at, _steps(at))], COLUMNS))
        errors = _errors_of_slowest(tree, t, leaves, few)
    lower, upper = lower[:, 0] / total[0], numpy.minimum((upper[:, 0] + rest[0]) / total[0], 1.0)
    values = numpy.clip(values[:, 0], lower, upper)
    return Shares(values, lower, upper, errors)


def _errors_of_slowest(tree: Any, t: float, leaves: list[Any], limits: NDArray[np.intp]) -> _Floats:
    """Return the standard errors of `slowest`, from samples with fewer limits."""
    import numpy

    coarse, drawn = {x: Leaf(x, t, SAMPLE_CELLS) for x in leaves}, []
    randoms = [numpy.random.default_rng((SEED, k)) for k in range(len(leaves))]
    for _ in range(0, LIMIT_SAMPLES, TOGETHER):
        some = {x: leaf.sample(leaf.resampled(one, TOGETHER)) for (x, leaf), one in zip(coarse.items(), randoms)}
        drawn.append(_scaled(*_parts(tree, t, coarse, some, limits)[:2]))
    errors: _Floats = numpy.concatenate(drawn, axis=1).std(axis=1, ddof=1)
    return errors


def _steps(at: _Floats) -> _Floats:
    """Return shares that divide what grows to the last of `at` into equal parts."""
    import numpy

    return numpy.linspace(at[0], at[-1], SAMPLE_LIMITS)[:-1]


def _scaled(lower: _Floats, upper: _Floats) -> _Floats:
    middle = (lower + upper) / 2
    total = middle.sum(axis=0)
    result: _Floats = middle / (total + (total == 0))
    return result


def _limits(tree: Any, t: float, leaves: Mapping[Any, Leaf]) -> tuple[NDArray[np.intp], _Floats]:
    """Return the buckets that may hold the longest call of a slow request, and G at each."""
    import numpy

    columns = numpy.unique(numpy.concatenate([leaf.columns for leaf in leaves.values()]))
    columns = numpy.append(columns, COLUMNS)
    coarse = {x: Leaf(x, t, SAMPLE_CELLS) for x in leaves}
    samples = {x: leaf.sample(leaf.mass[None]) for x, leaf in coarse.items()}
    found = [
        Limited(tree, t, SAMPLE_CELLS, {x: (row, row) for x, row in rows.items()}).slow()
        for rows in _rows(coarse, samples, columns)
    ]
    growth = numpy.concatenate(found)
    total = growth[-1]
    first = max(int(numpy.count_nonzero(growth <= REST * total)) - 1, 0)
    end = min(int(numpy.count_nonzero(growth < (1 - REST) * total)), len(columns) - 1)
    kept = numpy.unique(numpy.append(numpy.arange(first, end + 1), len(columns) - 1))
    if len(kept) > LIMITS:
        kept = kept[numpy.unique(numpy.linspace(0, len(kept) - 1, LIMITS).round().astype(numpy.intp))]
    return columns[kept], growth[kept]


def _rows(leaves: Mapping[Any, Leaf], samples: Mapping[Any, Any], limits: NDArray[np.intp]) -> Iterator[dict[Any, Row]]:
    """Yield the rows of all leaves with some of the limits at a time: each sample with each limit."""
    import numpy

    first = next(iter(leaves))
    size = max(1, BLOCK // (len(leaves[first].points) * len(samples[first].above)))
    for some in numpy.split(limits, range(size, len(limits), size)):
        yield {x: leaf.limited(samples[x], some) for x, leaf in leaves.items()}


def _parts(
    tree: Any, t: float, leaves: Mapping[Any, Leaf], samples: Mapping[Any, Any], limits: NDArray[np.intp]
) -> tuple[_Floats, _Floats, _Floats, _Floats]:
    """Return (lower, upper, total, rest): bounds, shape (leaves, samples), the slow share, and G at the first limit.

    The bounds are parts of all requests, not of the slow ones.
    """
    import numpy

    number, cells = len(samples[next(iter(leaves))].above), len(leaves[next(iter(leaves))].points)
    lower, upper = numpy.zeros((2, len(leaves), number))
    total = rest = numpy.zeros(number)
    before = _rows(leaves, samples, limits[:-1])
    for k, (below, rows) in enumerate(zip(before, _rows(leaves, samples, limits[1:]))):
        both = Limited(tree, t, cells - 1 - BEYOND, {x: (below[x], rows[x]) for x in leaves})
        everything = frozenset(leaves)
        least, most = both.slow().reshape(number, -1), both.slow(everything).reshape(number, -1)
        for j, x in enumerate(leaves):
            lower[j] += (both.slow(frozenset([x])).reshape(number, -1) - least).sum(axis=1)
            upper[j] += (most - both.slow(everything - {x}).reshape(number, -1)).sum(axis=1)
        rest, total = least[:, 0] if k == 0 else rest, most[:, -1]
    return numpy.maximum(lower, 0.0), numpy.maximum(upper, lower), total, rest
