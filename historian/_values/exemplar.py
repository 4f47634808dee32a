"""`Exemplar`: one recorded value with labels that lead to what happened, such as the id of a trace."""

from __future__ import annotations

from .. import buckets
from .._core import FIRST_INDEX, real, slot_of
from .key import text_of
from .text import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from .._core import Counts, _Real

    _Pairs = tuple[tuple[str, str], ...]

__all__ = ["MAX_EXEMPLARS", "Exemplar", "checked_labels", "latest", "octave_of", "populated"]

#: Maximum length of all names and values of an exemplar's labels together, in characters.  This is OpenMetrics' limit.
MAX_LENGTH = 128
#: The most exemplars of a histogram: one for each of 96 octaves, the zero bucket and the overflow bucket.
MAX_EXEMPLARS = (buckets.MAX_INDEX + 1 - buckets.MIN_INDEX) // buckets.BUCKETS_PER_OCTAVE + 2

#: The year 2514.  In ns, later times need more than 64 bits.
MAX_TIMESTAMP = 2**34


class Exemplar:
    """One recorded value, with labels that lead to what happened, and the time when it was recorded.

    `Histogram.exemplars` has them.  An exemplar is immutable, and supports ``==``, ``hash`` and pickle.  `labels` have
    names of letters, digits and ``_``, no digit first, and printable values; all together have at most 128 characters.
    Values that are not strings are converted by ``str``.  `timestamp` is in seconds since 1970-01-01 00:00 UTC.  Raises
    ValueError or TypeError for others.

    >>> from historian import Recorder
    >>> latency = Recorder("checkout")
    >>> latency.record(0.25, exemplar={"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"})
    >>> (slow,) = latency.snapshot().exemplars
    >>> slow.value, slow.labels
    (0.25, {'trace_id': '4bf92f3577b34da6a3ce929d0e0e4736'})
    """

    __slots__ = ("_pairs", "_timestamp", "_value")
    __module__ = "historian"

    _value: float  # in the unit of the histogram, in [0, 1.8e308]
    _pairs: _Pairs  # in the order in which they were given, at least one
    _timestamp: float  # in [0, 2**34)

    def __init__(self, value: _Real, labels: Mapping[str, object], timestamp: _Real) -> None:
        number, time = real(value), real(timestamp)
        if number is None or time is None:
            raise TypeError(f"value and timestamp must be real numbers, not {value!r} and {timestamp!r}")
        if slot_of(number) < 0:
            raise ValueError(f"value must be finite and not negative, not {number!r}")
        if not 0 <= time < MAX_TIMESTAMP:  # NaN, too
            raise ValueError(f"timestamp must be from 0 to 2**34 seconds, not {time!r}")
        pairs = checked_labels(labels)
        if not pairs:
            raise ValueError("labels must not be empty: they lead to what happened, such as {'trace_id': ...}")
        self._value, self._pairs, self._timestamp = number, pairs, time

    @classmethod
    def _of(cls, value: float, pairs: _Pairs, timestamp: float) -> Exemplar:
        """Return the exemplar with these labels, which have been checked."""
        self = cls.__new__(cls)
        self._value, self._pairs, self._timestamp = value, pairs, timestamp
        return self

    @property
    def value(self) -> float:
        """The recorded value, exact, in the histogram's unit."""
        return self._value

    @property
    def labels(self) -> dict[str, str]:
        """The labels, a new dictionary."""
        return dict(self._pairs)

    @property
    def timestamp(self) -> float:
        """When it was recorded, in seconds since 1970-01-01 00:00 UTC."""
        return self._timestamp

    def _scaled(self, factor: float) -> Exemplar:
        return Exemplar._of(self._value * factor, self._pairs, self._timestamp)

    def _order(self) -> tuple[float, float, _Pairs]:
        """Return what decides which of two is the later one: the time, and if it is equal, anything that differs."""
        return self._timestamp, self._value, self._pairs

    def __eq__(self, other: object) -> bool:
        return self._identity() == other._identity() if isinstance(other, Exemplar) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[float, float, frozenset[tuple[str, str]]]:
        return self._timestamp, self._value, frozenset(self._pairs)

    def __reduce__(self) -> tuple[Any, ...]:
        return Exemplar, (self._value, self.labels, self._timestamp)

    def __repr__(self) -> str:
        return f"Exemplar({self._value!r}, {self.labels!r}, {self._timestamp!r})"


def checked_labels(labels: Mapping[str, object]) -> _Pairs:
    """Return the labels of an exemplar as pairs.  Raises ValueError or TypeError unless OpenMetrics allows them.

    >>> checked_labels({"trace_id": "4bf92f35", "shard": 3})
    (('trace_id', '4bf92f35'), ('shard', '3'))
    """
    if not hasattr(labels, "items"):
        raise TypeError(
            f"exemplar must be labels, exemplar={{'trace_id': ...}}, or True for those of the current span, not "
            f"{type(labels).__name__}"
        )
    found: dict[str, str] = {}
    length = 0
    for name, value in labels.items():
        if not isinstance(name, str):
            raise TypeError(f"the name of an exemplar's label must be a string, not {type(name).__name__}")
        if not (name.isascii() and name.isidentifier()):
            raise ValueError(
                f"{shortened(name, 80)!r} cannot be the name of an exemplar's label: use letters A-Z and a-z, digits "
                "and _, and no digit first"
            )
        text = found[name] = value if type(value) is str else text_of(value)
        length += len(name) + len(text)
        if length > MAX_LENGTH:
            raise ValueError(
                f"the labels of an exemplar have more than {MAX_LENGTH} characters, names and values together: shorten "
                f"{shortened(name, 80)!r}"
            )
        if not text.isprintable():
            raise ValueError(f"the exemplar's label {name!r} has a value that cannot be printed, {text!r}: encode it")
    return tuple(found.items())


def octave_of(value: float) -> int:
    """Return the octave of the bucket that holds a value.  The zero bucket and the overflow bucket are octaves, too.

    >>> octave_of(1.5), octave_of(2.0), octave_of(2.1), octave_of(0.0)
    (0, 0, 1, -33)
    """
    return (slot_of(value) + FIRST_INDEX - 1) >> 6


def latest(exemplars: Iterable[Exemplar]) -> tuple[Exemplar, ...]:
    """Return the latest exemplar of each octave, ascending by value."""
    found: dict[int, Exemplar] = {}
    for one in exemplars:
        octave = octave_of(one._value)
        kept = found.get(octave)
        if kept is None or kept._order() < one._order():
            found[octave] = one
    return tuple([found[octave] for octave in sorted(found)])


def populated(exemplars: Iterable[Exemplar], counts: Counts) -> list[Exemplar]:
    """Return those exemplars whose bucket holds values."""
    found = []
    for one in exemplars:
        slot = slot_of(one._value)
        if counts.through(slot) > (counts.through(slot - 1) if slot else 0):
            found.append(one)
    return found
