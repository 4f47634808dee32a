"""What a latency becomes for somebody who waits for many of them."""

from .fanout import Fanout

__all__ = ["Fanout"]
