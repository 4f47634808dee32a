"""The share of requests that are slow although no call exceeds its limit, for many limits and samples at once.

Each operation takes the rows of its parts (`historian.tail.linear`) and returns its own.  With W and S, the whole and
the survival of a part, and s = S/W, its survival if no call exceeds its limit:

* all of them, the first, a quorum: the product of all W, times the formula of `historian.tail.algebra` for s.
* one or the other: the mean of W, and that of S.
* one after the other: the masses of a sum are the convolution of those of its parts.  Fourier transforms of the masses,
  weighted with r^k, multiply.  Sums beyond the end of the transform, of length L, come back at its start, but only r^L
  of them.  All of them exceed t, so the relative error of the slow share is at most r^L, here 1e-6.  Source: Gruebel &
  Hermesmeier, Computation of Compound Distributions I: Aliasing Errors and Exponential Tilting, ASTIN Bulletin 29
  (1999), 197-214.
* hedges and retries: every call that starts counts with the time that it would take if nobody cancelled it.  Calls
  that would start after t are left out, since the request is slow by then.
"""

from __future__ import annotations

from . import quorum
from .linear import Row, of_survival
from .tree import leaves

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from .tree import Node

    _Floats = NDArray[np.float64]
    _Up = frozenset[Any]

__all__ = ["Limited"]

#: The weight r^N of the last point of N, with which sums beyond the grid come back squared.
TILT = 1e-3


class Limited:
    """A request tree whose leaves have two rows each: before and after something has changed.

    What does not depend on a changed leaf is computed once.
    """

    def __init__(self, tree: Any, t: float, cells: int, rows: Mapping[Any, tuple[Row, Row]]) -> None:
        self._tree, self._t, self._cells, self._rows = tree, t, cells, rows
        self._known: dict[tuple[Any, _Up], Any] = {}
        self._leaves: dict[Any, _Up] = {}

    def slow(self, changed: _Up = frozenset()) -> _Floats:
        """Return the share above t in each row, with the changed rows of some leaves."""
        return self._row(self._tree, changed).above[:, self._cells]

    def _row(self, part: Any, changed: _Up) -> Row:
        if part._tree is None:
            return self._rows[part][part in changed]
        changed &= self._in(part)
        if (part, changed) not in self._known:
            self._known[part, changed] = self._computed(part._tree, changed)
        row: Row = self._known[part, changed]
        return row

    def _in(self, part: Any) -> _Up:
        """Return the leaves of a part."""
        if part not in self._leaves:
            self._leaves[part] = frozenset(leaves(part))
        return self._leaves[part]

    def _computed(self, node: Node, changed: _Up) -> Row:
        rows, numbers = [self._row(part, changed) for part, _ in node.parts], [float(n) for _, n in node.parts]
        if node.name == "seq":
            return self._sum(node, rows, numbers, changed)
        if node.name == "choice":
            return _mixture(rows, numbers)
        if node.name == "hedge":
            return self._hedged(rows[0], node.arguments["after"], node.arguments["prob"])
        if node.name == "retry":
            return self._retried(rows[0], **node.arguments)
        return _together(node, rows)

    def _sum(self, node: Node, rows: Sequence[Row], numbers: Sequence[float], changed: _Up) -> Row:
        """Return the row of parts that follow each other."""
        import numpy

        points = rows[0].above.shape[1]
        spectrum = self._spectrum(node.parts, changed)
        masses = numpy.fft.irfft(spectrum, _length(points))[:, :points] / self._weights(points)
        masses = numpy.maximum(masses, 0.0)
        whole = _product([row.whole for row in rows], numbers)
        return Row(whole, numpy.maximum(whole - masses.cumsum(axis=1) + masses / 2, 0.0), masses)

    def _spectrum(self, parts: tuple[tuple[Any, int], ...], changed: _Up) -> NDArray[np.complex128]:
        """Return the product of the transforms of some parts, in halves: only some differ from those before."""
        import numpy

        changed &= frozenset().union(*(self._in(part) for part, _ in parts))
        if (parts, changed) not in self._known:
            if len(parts) > 1:
                half = len(parts) // 2
                found = self._spectrum(parts[:half], changed) * self._spectrum(parts[half:], changed)
            else:
                part, n = parts[0]
                masses = self._row(part, changed).masses
                points = masses.shape[1]
                found = _power(numpy.fft.rfft(masses * self._weights(points), _length(points)), n)
            self._known[parts, changed] = found
        spectrum: NDArray[np.complex128] = self._known[parts, changed]
        return spectrum

    def _weights(self, points: int) -> _Floats:
        import numpy

        weights: _Floats = TILT ** (numpy.arange(points) / self._cells)
        return weights

    def _hedged(self, row: Row, after: float, prob: float) -> Row:
        """Return the row with a second call, with a probability, that starts `after` the first."""
        import numpy

        if after >= self._t:
            return row
        shift = after / self._t * self._cells
        points = numpy.arange(row.above.shape[1], dtype=numpy.float64)
        started = _at(row.above, numpy.array([shift]))
        exceeds = prob * started * (1.0 - row.whole)  # the second call exceeds its limit
        both = row.above * (1.0 - prob + prob * _at(row.above, points - shift))
        return of_survival(row.whole - exceeds, numpy.where(points < shift, row.above - exceeds, both))

    def _retried(self, row: Row, timeout: float, retries: int, backoff: float) -> Row:
        """Return the row with further attempts, each of which starts if all before it have timed out."""
        import numpy

        if timeout >= self._t:
            return row
        scale, points = self._cells / self._t, numpy.arange(row.above.shape[1], dtype=numpy.float64)
        period = (timeout + backoff) * scale
        last = float(min(retries, numpy.floor(self._cells / period)))
        attempt = numpy.minimum(numpy.floor(points / period), last)
        elapsed = numpy.minimum(points - attempt * period, timeout * scale)
        late = _at(row.above, numpy.array([timeout * scale]))
        left = last - attempt  # attempts after this one
        within = numpy.where(left > 0, _attempts(row.whole, late, left), 1.0)  # no call in them exceeds its limit
        above = late**attempt * (_at(row.above, elapsed) - late + late * within)
        return of_survival(_attempts(row.whole, late, numpy.array([last + 1])), above)


def _attempts(whole: _Floats, late: _Floats, n: _Floats) -> _Floats:
    """Return the probability that in up to `n` attempts, at least one, no call exceeds its limit."""
    import numpy

    before = numpy.maximum(n - 1, 0)
    with numpy.errstate(divide="ignore", invalid="ignore"):
        tried = numpy.where(late < 1, -numpy.expm1(before * numpy.log(late)) / (1 - late), before)
    tried = numpy.where(before > 0, tried, 0.0)  # the expected number of those attempts before the last one
    result: _Floats = (whole - late) * tried + late**before * whole
    return result


def _at(above: _Floats, places: _Floats) -> _Floats:
    """Return survivals at places between the points, on straight lines."""
    import numpy

    places = numpy.clip(places, 0, above.shape[1] - 1)
    before = numpy.minimum(places.astype(numpy.intp), above.shape[1] - 2)
    part = places - before
    result: _Floats = above[:, before] * (1 - part) + above[:, before + 1] * part
    return result


def _mixture(rows: Sequence[Row], shares: Sequence[float]) -> Row:
    total = sum(shares)
    whole, above, masses = (sum(one * (share / total) for one, share in zip(kind, shares)) for kind in zip(*rows))
    return Row(whole, above, masses)


def _together(node: Node, rows: Sequence[Row]) -> Row:
    """Return the row of all parts, of the first, or of a quorum."""
    import numpy

    numbers = [float(n) for _, n in node.parts]
    if node.name == "first_of":
        whole = _product([row.whole for row in rows], numbers)
        return of_survival(whole, _product([row.above for row in rows], numbers))
    whole = _product([row.whole for row in rows], numbers)
    kinds = [numpy.clip(row.above / numpy.where(row.whole > 0, row.whole, 1.0), 0.0, 1.0) for row in rows]
    if node.name == "all_of":
        with numpy.errstate(divide="ignore"):
            share = -numpy.expm1(sum(n * numpy.log1p(-one) for one, n in zip(kinds, numbers)))
    else:
        slow = sum(n for _, n in node.parts) - node.arguments["k"] + 1
        share = quorum.at_least([(one, n) for one, (_, n) in zip(kinds, node.parts)], slow)
    return of_survival(whole, whole * share)


def _product(factors: Sequence[_Floats], numbers: Sequence[float]) -> _Floats:
    import numpy

    result: _Floats = numpy.ones_like(factors[0])
    for one, n in zip(factors, numbers):
        result = result * one**n
    return result


def _power(base: NDArray[np.complex128], n: int) -> NDArray[np.complex128]:
    """Return a power by squaring: numpy's own takes a hundred times as long for complex numbers."""
    result = None
    while n:
        if n & 1:
            result = base if result is None else result * base
        n >>= 1
        base = base * base if n else base
    assert result is not None
    return result


def _length(points: int) -> int:
    """Return the length of a transform: at least twice as many points."""
    return 1 << (2 * points - 1).bit_length()
