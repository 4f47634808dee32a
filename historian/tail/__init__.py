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
find the part that makes it slow    `Blame`: ``seq(a, b).blame(0.99)``
measure how calls depend            `Traces`: ``Traces({"db": times, "cache": times}).fanout(2)``
  without traces, over time         `Windows`: ``Windows({"db": history, "cache": another}).p_wait(0.5)``
find out when to hedge              `Hedge`: `cheapest_hedge` for a target, `best_hedge` for a budget
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

- `threshold`: which ones a tail fit tries, and the test of the values above one.
- `extrapolation`: a model of the values above a threshold; `TailFit`.

Distributions:

- `columns`: the edges of the buckets, at which a distribution is stored.
- `extremes`: the survival at the smallest and the largest time, which lie between two edges.
- `interpolation`: the survival between two edges.
- `inverse`: the time at which the survival falls to a share.
- `grid`: the finer grid, with sixteen points in each bucket, which sums need.
- `survival`: the survival at any time, and what follows from it.
- `tree`: the operation and the parts of a distribution, and the same with other leaves.
- `quorum`: the share of requests for which at least m of n parts are slow.
- `linear`: the times of a leaf on a linear grid up to one time, for many samples and limits.
- `limited`: the share of slow requests in which no call exceeds its limit.
- `causes`: the share of slow requests that each leaf causes, and its standard errors.
- `blame`: which leaf makes requests slow; `Blame`, `Cause`.
- `dist`: the questions of a distribution, with their intervals; `Dist`.
- `leaf`: the distribution of the values of a histogram.

Operations on distributions:

- `parts`: what an operation checks, and what it takes over from its parts.
- `formula`: operations that need no other time than t.
- `sums`: the value of a sum of two times.
- `chains`: the bounds of a sum of times.
- `weights`: the shares of a mixture.
- `algebra`: `seq`, `all_of`, `k_of`, `first_of` and `choice`.
- `hedging`: `hedge`, `tied` and `retry`.
- `cheapest`: the hedge that costs least; `Hedge`.

Traces, which show how the calls of a request depend on each other:

- `requests`: traced requests as a sample; `Requests`.
- `effective`: the effective number of calls.
- `mixture`: the value for more calls than were traced.
- `copula`: dependence by ranks, and ranks with other distributions.
- `spans`: spans of traces as a table.
- `traced`: the latency of traced requests, and of n calls like theirs; `Traced`, `TracedFanout`.
- `traced_fanouts`: the same for several numbers of calls; `TracedFanouts`.
- `traces`: the latencies of calls of the same requests; `Traces`.

Windows of time, which show what makes the same minutes bad:

- `correlation`: how windows that follow each other are alike; `Correlation`.
- `windows`: several leaves in the same windows; `Windows`.
"""

from .._stats.estimate import Estimate, TailWarning
from .._stats.estimates import Estimates
from .algebra import all_of, choice, first_of, k_of, seq
from .blame import Blame, Cause
from .cheapest import Hedge, best_hedge, cheapest_hedge
from .correlation import Correlation
from .dist import Dist
from .extrapolation import TailFit
from .fanout import Fanout
from .fanouts import Fanouts
from .hedging import hedge, retry, tied
from .intervals import Enoughs
from .sampling import Enough
from .slo import Slo, burn_rates
from .slos import Slos
from .traced import Traced, TracedFanout
from .traced_fanouts import TracedFanouts
from .traces import Traces
from .windows import Windows

__all__ = [
    "Blame",
    "Cause",
    "Correlation",
    "Dist",
    "Enough",
    "Enoughs",
    "Estimate",
    "Estimates",
    "Fanout",
    "Fanouts",
    "Hedge",
    "Slo",
    "Slos",
    "TailFit",
    "TailWarning",
    "Traced",
    "TracedFanout",
    "TracedFanouts",
    "Traces",
    "Windows",
    "all_of",
    "best_hedge",
    "burn_rates",
    "cheapest_hedge",
    "choice",
    "first_of",
    "hedge",
    "k_of",
    "retry",
    "seq",
    "tied",
]
