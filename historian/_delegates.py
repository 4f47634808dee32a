"""`Delegates`: what a histogram answers with the help of other modules, each loaded when first asked for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from .histogram import Histogram
    from .tail import Dist, Enough, Estimate, Fanout

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

    def dist(self, confidence: float | None = 0.95) -> Dist:
        """Return the distribution of what was recorded, to ask and to compose: see `historian.tail`.

        Each of its answers has an interval, at that confidence, for sampling; with ``confidence=None`` the recorded
        values are taken for all there are, and only bucket widths are left.  O(buckets), a few ms.  Raises ValueError
        for an empty histogram, ImportError without scipy.

        >>> from historian import Histogram
        >>> from historian.tail import all_of, seq
        >>> x = Histogram.from_values([0.010] * 9_900 + [1.0] * 100).dist()
        >>> print(seq(x, all_of(100, x)).sf(0.5))           # one call, then a hundred at the same time
        0.638 (0.562 to 0.709)
        """
        from .tail.dist import from_histogram

        return from_histogram(_histogram(self), confidence)

    def ci(self, q: float, confidence: float = 0.95, windows: Iterable[Histogram] | None = None) -> Estimate:
        """Return the q-quantile with its confidence interval, which allows for sampling and bucket width together.

        It runs from the lower to the upper edge of the buckets that hold the binomial ranks (see
        `historian.tail.binomial.rank_interval`), and holds for independent values.  `windows` are histograms of
        consecutive intervals of time, together this one: where values come in bursts, they then count for as many
        independent ones as their windows show.

        O(log count).  Warns (`historian.tail.TailWarning`) where there are too few values for an upper bound, which
        then is infinite.  Raises ValueError for q outside 0..1, a confidence that is not between 0 and 1, windows that
        are not this histogram's, and for an empty histogram.

        >>> from historian import Histogram
        >>> print(Histogram.from_values(range(1, 10_001), unit="ms").ci(0.99))
        9.90 s (9.85 to 9.96 s)
        """
        from .tail import sampling

        return sampling.ci(_histogram(self), q, confidence, windows)

    def enough_for(self, q: float, n: int = 1, confidence: float = 0.95) -> Enough:
        """Say whether there are enough values for an upper bound to the q-quantile behind a fan-out of `n`.

        The answer is true or false, and knows how many values are needed: as many as make it likely, with that
        confidence, that one of them is above.  They grow in proportion to n.  O(1).  Raises ValueError for q outside
        0..1, n below 1, and a confidence that is not between 0 and 1.

        >>> from historian import Histogram
        >>> Histogram.from_values(range(10_000)).enough_for(0.99, n=100)
        <Enough: no: 29,808 values are needed, 10,000 recorded>
        """
        from .tail import sampling

        return sampling.enough_for(_histogram(self), q, n, confidence)

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
