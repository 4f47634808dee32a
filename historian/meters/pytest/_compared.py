"""`Compared`: two functions that ran in turns, by the ratios of their quantiles."""

from __future__ import annotations

import math

from ..._values.decimals import share_of
from ...tail.sampling import needed_for
from ._bound import Bound
from ._measured import Percentiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._compare.comparison import Comparison

__all__ = ["Compared"]


class Compared(Percentiles):
    """Two functions that ran in turns, by ratios: B over A.  Each percentile is the ratio of both, a `Bound`.

    ``assert latency.compare(old, new).p99 < 1.1`` passes only if the measurement shows that the p99 of ``new`` is less
    than 1.1 times that of ``old``.

    >>> from historian.meters.pytest import Latency
    >>> compared = Latency().options(calls=5000, seconds=60).compare(lambda: sum(range(100)), lambda: sum(range(1000)))
    >>> compared.p50 > 1.5, compared.ratio < 100
    (True, True)
    """

    __slots__ = ("comparison",)
    __module__ = "historian.meters.pytest"

    comparison: Comparison  # of `historian.interleave`: prints as a table

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison

    @property
    def ratio(self) -> Bound:
        """The ratio of the medians, B over A, as `p50`."""
        return self.percentile(50)

    def percentile(self, p: float) -> Bound:
        """Return the ratio of the p-th percentiles, B over A, with its confidence interval: see `Comparison.ratio`."""
        comparison = self.comparison
        comparison.a.percentile(p)  # raises unless p is in 0..100
        q, (a, b) = share_of(p), comparison.names
        name = f"p{p:.9g} of {b} over {a}"
        estimate = comparison.quiet_ratio(q)
        few = ""
        if math.isinf(estimate.upper) or not estimate.lower:
            calls = f"{comparison.a.count:,} and {comparison.b.count:,} calls"
            few = f"{name}: {comparison.missing(q)} ({calls})"
            if 0 < q < 1:
                needed = needed_for(max(q, 1 - q), 1, (1 + comparison.confidence) / 2)
                few += f"; it needs at least {needed:,} of each: @pytest.mark.latency(seconds=...)"
        return Bound(estimate, name, few)

    def __str__(self) -> str:
        return str(self.comparison)

    __repr__ = __str__
