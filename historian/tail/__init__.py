"""What a latency becomes for somebody who waits for many of them."""

from .estimate import Estimate, TailWarning
from .fanout import Fanout
from .sampling import Enough

__all__ = ["Enough", "Estimate", "Fanout", "TailWarning"]
