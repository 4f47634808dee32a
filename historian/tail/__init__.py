"""What the latency of one call becomes for a user who waits for many calls.

==================================  ==================================================================
to                                  use
==================================  ==================================================================
wait for all of n calls             `Fanout`: ``histogram.fanout(100).p_wait(0.5)``
for many n                          `Fanouts`: ``histogram.fanout([1, 10, 100]).p_wait(0.5)``
get a percentile with its interval  ``histogram.ci(0.99)``, ``histogram.enough_for(0.99, n=100)``
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
"""

from .._stats.estimate import Estimate, TailWarning
from .._stats.estimates import Estimates
from .algebra import all_of, choice, first_of, k_of, seq
from .dist import Dist
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
