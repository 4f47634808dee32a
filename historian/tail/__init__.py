"""What a latency becomes for somebody who waits for many of them."""

from .algebra import all_of, choice, first_of, hedge, k_of, retry, seq, tied
from .dist import Dist
from .estimate import Estimate, TailWarning
from .fanout import Fanout
from .sampling import Enough

__all__ = [
    "Dist",
    "Enough",
    "Estimate",
    "Fanout",
    "TailWarning",
    "all_of",
    "choice",
    "first_of",
    "hedge",
    "k_of",
    "retry",
    "seq",
    "tied",
]
