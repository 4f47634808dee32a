"""`Fanouts`: fan-outs of several numbers of calls.  Each question has an answer for each of them."""

from __future__ import annotations

from typing import Generic

from .._stats.arrays import wholes
from .._stats.estimates import complement
from .._values.held import Held
from . import curves
from .fanout import Fanout
from .sampling import scope_of

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def overload(function):
        return function

else:
    from collections.abc import Iterator
    from typing import Any, Literal, overload

    import numpy as np
    from numpy.typing import NDArray

    from .._stats.estimates import Estimates
    from .._values.answers import _Numbers, _Scalar
    from .._values.timed import _Windows
    from .fanout import _Whole, _Wholes

    _Given = _Scalar | _Numbers

__all__ = ["Fanouts"]


class Fanouts(Generic[Held]):
    """Fan-outs of several numbers of calls, of one leaf: see `Histogram.fanout`, and `Fanout` for each question.

    `n` and the arguments of a question may be arrays, which are broadcast as numpy does.  An index gives a `Fanout`, or
    `Fanouts` for a part.

    >>> from historian import Histogram
    >>> fans = Histogram.from_values([0.010] * 9_900 + [1.0] * 100).fanout([1, 10, 100])
    >>> print(fans.p_wait(0.5))
    [0] 0.0100 (0.00814 to 0.0121)
    [1] 0.0956 (0.0785 to 0.115)
    [2]  0.634 (0.559 to 0.705)
    >>> fans[2].n, fans.shape
    (100, (3,))
    """

    __slots__ = ("leaf", "n")
    __module__ = "historian.tail"

    leaf: Held  # of one call
    n: NDArray[Any]  # numbers of calls, any shape, read-only: int64, or int objects in [1, 1e100]

    def __init__(self, leaf: Held, n: _Wholes) -> None:
        checked = wholes("n", n).copy()
        checked.flags.writeable = False
        self.leaf, self.n = leaf, checked

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of `n`."""
        return self.n.shape

    def __len__(self) -> int:
        return len(self.n)

    def __getitem__(self, index: Any) -> Any:
        n = self.n[index]
        return Fanouts(self.leaf, n) if getattr(n, "shape", ()) else Fanout(self.leaf, int(n))

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))

    def p_wait(
        self, t: _Given, confidence: float = 0.95, *, anytime: bool = False, simultaneous: bool = False
    ) -> Estimates:
        """Return `Fanout.p_wait` for each number of calls.

        1,000 numbers of calls take 5 ms.  One `TailWarning` says for how many of them there are too few values.
        """
        scope = scope_of(self.leaf, anytime, simultaneous)
        return curves.bounds(self._fan, self.leaf, self.n, t, "independent", None, confidence, scope)

    sf = p_wait

    def cdf(self, t: _Given, confidence: float = 0.95) -> Estimates:
        """Return `Fanout.cdf` for each number of calls."""
        return complement(curves.bounds(self._fan, self.leaf, self.n, t, "independent", None, confidence))

    def bounds(
        self,
        t: _Given,
        dependence: Literal["independent", "positive", "any"] = "independent",
        windows: _Windows | None = None,
        confidence: float = 0.95,
    ) -> Estimates:
        """Return `Fanout.bounds` for each number of calls."""
        return curves.bounds(self._fan, self.leaf, self.n, t, dependence, windows, confidence)

    def extrapolate(self, t: _Given, m: _Whole | _Wholes, p_m: _Given, confidence: float = 0.95) -> Estimates:
        """Return `Fanout.extrapolate` for each number of calls."""
        return curves.extrapolate(self._fan, self.leaf, self.n, t, m, p_m, confidence)

    def effective_n(self, t: _Given, p: _Given, confidence: float = 0.95) -> Estimates:
        """Return `Fanout.effective_n` for each number of calls."""
        return curves.effective_n(self._fan, self.leaf, self.n, t, p, confidence)

    def sensitivity(self, t: _Given, correlation: _Given, confidence: float = 0.95) -> Estimates:
        """Return `Fanout.sensitivity` for each number of calls."""
        return curves.sensitivity(self._fan, self.leaf, self.n, t, correlation, confidence)

    def quantile(self, q: _Given, confidence: float = 0.95) -> Estimates:
        """Return `Fanout.quantile` for each number of calls.  1,000 numbers of calls take 10 ms."""
        return curves.quantile(self._fan, self.leaf, self.n, q, confidence)

    def leaf_percentile(self, q: _Given) -> NDArray[np.float64]:
        """Return `Fanout.leaf_percentile` for each number of calls."""
        return curves.leaf_percentile(self._fan, self.n, q)

    @overload
    def max_n(self, t: _Scalar, p: _Scalar, confidence: float | None = None) -> float: ...
    @overload
    def max_n(self, t: _Numbers, p: _Given, confidence: float | None = None) -> NDArray[np.float64]: ...
    @overload
    def max_n(self, t: _Given, p: _Numbers, confidence: float | None = None) -> NDArray[np.float64]: ...
    def max_n(self, t: Any, p: Any, confidence: float | None = None) -> float | NDArray[np.float64]:
        """Return `Fanout.max_n`, which does not depend on `n`: its shape is that of the arguments."""
        answer: float | NDArray[np.float64] = self._fan(1).max_n(t, p, confidence)
        return answer

    def __reduce__(self) -> tuple[Any, ...]:
        return Fanouts, (self.leaf, self.n)

    def __repr__(self) -> str:
        return f"Fanouts(n={self.n!r}, leaf={self.leaf!r})"

    def _fan(self, n: int, known: dict[float, tuple[float, float, float]] | None = None) -> Fanout[Held]:
        return Fanout(self.leaf, 1)._with(n, known)
