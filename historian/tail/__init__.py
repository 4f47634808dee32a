"""What the latency of one call becomes for a user who waits for many calls.

==================================  ==================================================================
to                                  use
==================================  ==================================================================
wait for all of n calls             `Fanout`: ``histogram.fanout(100).p_wait(0.5)``
for many n                          `Fanouts`: ``histogram.fanout([1, 10, 100]).p_wait(0.5)``
get a percentile with its interval  ``histogram.ci(0.99)``, ``histogram.enough_for(0.99, n=100)``
extrapolate beyond the data         `TailFit`: ``histogram.tail_fit().quantile(0.99999)``
compose a request tree              `Dist`: ``histogram.dist()``, then the functions below
  one after the other               `seq`
  all, some, the first              `all_of`, `k_of`, `first_of`
  one or the other                  `choice`
  hedge or retry                    `hedge`, `tied`, `retry`
==================================  ==================================================================

Every share, every time and every rate is an `Estimate`: a float with an interval, its confidence and method, and the
sources of its uncertainty.  Each question takes an array-like, too, and answers with `Estimates`: arrays of the same
shape.  An answer beyond the data warns (`TailWarning`), once for a question.

>>> from historian import Histogram
>>> x = Histogram.from_values([0.010] * 9_900 + [1.0] * 100).dist()
>>> print(seq(x, all_of(10, hedge(x, after=0.05))).sf(0.5))
0.0110 (0.00880 to 0.0136)

The names in `__all__` are public; the modules may move.  These are the modules, in the order in which data flow.

Display:

- `views`: what notebooks and terminals show of a histogram, and of what follows from it.

The values of a histogram are a sample:

- `omission`: `Histogram.corrected`, which adds the waits that coordinated omission hid.
- `measurements`: intervals of a corrected histogram, from the values that were measured.
- `sampling`: intervals of quantiles, windows of time, and whether there are enough values.
- `intervals`: intervals of many quantiles and shares at once; `Enoughs`.
- `slo`: objectives, burn rates and Apdex scores; `Slo`.
- `slos`: the same for arrays of thresholds and targets; `Slos`.

Waiting for all of n calls:

- `shares`: formulas for the share of users who wait, given the share of slow calls.
- `dependence`: bounds of that share if calls depend on each other.
- `curves`: the questions of a fan-out, for arrays.
- `fanout`: the questions of a fan-out, for numbers; `Fanout`.
- `fanouts`: fan-outs of several numbers of calls; `Fanouts`.

Beyond the largest value:

- `extrapolation`: a model of the values above a threshold; `TailFit`.

Distributions:

- `columns`: the edges of the buckets, at which a distribution is stored.
- `extremes`: the survival at the smallest and the largest time, which lie between two edges.
- `interpolation`: the survival between two edges.
- `inverse`: the time at which the survival falls to a share.
- `grid`: the finer grid, with sixteen points in each bucket, which sums need.
- `survival`: the survival at any time, and what follows from it.
- `dist`: the questions of a distribution, with their intervals; `Dist`.
- `leaf`: the distribution of the values of a histogram.

Operations on distributions:

- `parts`: what an operation checks, and what it takes over from its parts.
- `formula`: operations that need no other time than t.
- `quorum`: the share of requests for which at least m of n parts are slow.
- `sums`: the value of a sum of two times.
- `chains`: the bounds of a sum of times.
- `weights`: the shares of a mixture.
- `algebra`: `seq`, `all_of`, `k_of`, `first_of` and `choice`.
- `hedging`: `hedge`, `tied` and `retry`.
"""

from .._stats.estimate import Estimate, TailWarning
from .._stats.estimates import Estimates
from .algebra import all_of, choice, first_of, k_of, seq
from .dist import Dist
from .extrapolation import TailFit
from .fanout import Fanout
from .fanouts import Fanouts
from .hedging import hedge, retry, tied
from .intervals import Enoughs
from .sampling import Enough
from .slo import Slo, burn_rates
from .slos import Slos

__all__ = [
    "Dist",
    "Enough",
    "Enoughs",
    "Estimate",
    "Estimates",
    "Fanout",
    "Fanouts",
    "Slo",
    "Slos",
    "TailFit",
    "TailWarning",
    "all_of",
    "burn_rates",
    "choice",
    "first_of",
    "hedge",
    "k_of",
    "retry",
    "seq",
    "tied",
]
