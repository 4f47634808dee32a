"""What a latency becomes for somebody who waits for many of them."""

from .estimate import Estimate, TailWarning
from .fanout import Fanout

__all__ = ["Estimate", "Fanout", "TailWarning"]
