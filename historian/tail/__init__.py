"""What a latency becomes for somebody who waits for many of them."""

from .algebra import all_of, choice, first_of, hedge, k_of, retry, seq, tied
from .compare import Comparison
from .dist import Dist
from .estimate import Estimate, TailWarning
from .fanout import Fanout
from .sampling import Enough
from .slo import Slo, burn_rates

__all__ = [
    "Comparison",
    "Dist",
    "Enough",
    "Estimate",
    "Fanout",
    "Slo",
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
