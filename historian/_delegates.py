"""`Delegates`: what a histogram answers with the help of other modules, each loaded when first asked for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .histogram import Histogram
    from .tail import Fanout

__all__ = ["Delegates"]


class Delegates:
    """Methods of `Histogram` that wire, tail and pictures answer."""

    __slots__ = ()

    # ---- tail ----

    def fanout(self, n: int) -> Fanout:
        """Return what this latency becomes for a user who waits for all of `n` independent such calls.

        Raises ValueError unless n is a whole number from 1 on, and for an empty histogram.

        >>> from historian import Histogram
        >>> h = Histogram.from_values([0.010] * 99 + [1.0])
        >>> round(h.fanout(100).p_wait(0.5), 3)
        0.634
        """
        from .tail import Fanout

        return Fanout(_histogram(self), n)

    # ---- to and from bytes ----

    def to_bytes(self) -> bytes:
        """Return the histogram as bytes, which `from_bytes` reads back without loss, for files and between machines.

        A million latencies take about 750 bytes.  Histograms that agree in counts, unit, extremes and sum, to its last
        bit, have the same bytes.  O(buckets).  The format is in docs/format.md.
        """
        from . import wire

        return wire.to_bytes(_histogram(self))

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Histogram:
        """Return the histogram that `to_bytes` wrote.

        O(buckets), in little memory whatever the bytes are.  Raises ValueError, saying what is wrong, for any bytes
        that `to_bytes` would not write, TypeError for what are no bytes.  To add up many, hand their bytes to
        `historian.merge`.

        >>> from historian import Histogram
        >>> h = Histogram.from_values([1.0, 2.0])
        >>> len(h.to_bytes()), Histogram.from_bytes(h.to_bytes()) == h
        (41, True)
        """
        from . import wire  # in half the time that importing the function takes

        return wire.from_bytes(data)

    # ---- to and from plain data ----

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that `from_dict` reads back without loss, fit for JSON.  O(buckets)."""
        from ._plain import to_dict

        return to_dict(_histogram(self))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Histogram:
        """Return the histogram that `to_dict` described.

        Raises ValueError, saying what is wrong, for data that describes none.  O(buckets).

        >>> from historian import Histogram
        >>> h = Histogram.from_values([1.0, 2.0])
        >>> Histogram.from_dict(h.to_dict()) == h
        True
        """
        from ._plain import from_dict

        return from_dict(data)


def _histogram(delegates: Delegates) -> Histogram:
    return delegates  # type: ignore[return-value]  # nothing else derives from it
