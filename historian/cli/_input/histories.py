"""Read histories: files and folders that ``historian log`` writes, and logs of HdrHistogram."""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager
from typing import BinaryIO

from ..._files.errors import CorruptFileWarning
from ..._history.frames import FILE_MAGIC, HEADER_NBYTES
from ..._history.reading import open_source
from ..._history.segments import LOCK, SUFFIX
from ..._history.sources import Selected
from ..._history.times import time_ns, time_text
from ..._values.key import Key
from ...history import History
from .hdr import LOG, NS, kind_of
from .stream import bare, unpacked
from .tally import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from ..._history.intervals import Source, _Wanted
    from ..._live.snapshots import Snapshot
    from ...histogram import Histogram
    from .choice import Choice
    from .span import Span
    from .tally import Tally

__all__ = [
    "STEP",
    "chosen",
    "holds_history",
    "in_steps",
    "is_history",
    "open_history",
    "open_log",
    "read_history",
    "untimed",
]

#: The label that has the start of a step.
STEP = "start"


def is_history(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is a history: the first of its two headers may be damaged."""
    return any(head[k:].startswith(FILE_MAGIC) for k in (0, HEADER_NBYTES))


def holds_history(names: list[str]) -> bool:
    """Return whether a folder with these files is one of history."""
    return LOCK in names and any(name.endswith(SUFFIX) for name in names)


def open_history(path: str, say: Callable[[str], None]) -> History:
    """Return the history in a file or a folder.  Says what is damaged.  Raises OSError, InputError."""
    if os.path.isdir(path) and not holds_history(os.listdir(path)):
        raise InputError(f"{path}: it holds no history")
    try:
        with _said(say):
            source = open_source(path)
    except ValueError as error:
        raise InputError(str(error)) from None
    return History._of(_Saying(source, say))


@contextmanager
def _said(say: Callable[[str], None]) -> Iterator[None]:
    """Say what is damaged, instead of a warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CorruptFileWarning)
        yield
    for one in caught:
        say(str(one.message))


class _Saying:
    """A source that says what is damaged when it is read, each interval once."""

    def __init__(self, of: Source, say: Callable[[str], None]) -> None:
        self.starts, self.ends = of.starts, of.ends
        self._of, self._say = of, say
        self._damaged: set[int] = set()

    def load(self, i: int, keys: _Wanted | None = None) -> Snapshot:
        def once(message: str) -> None:
            if i not in self._damaged:
                self._damaged.add(i)
                self._say(message)

        with _said(once):
            return self._of.load(i, keys)


def open_log(stream: BinaryIO, name: str, tally: Tally, wanted: str) -> History:
    """Return the intervals of a log of HdrHistogram, also a packed one, as a history of one name.

    Raises InputError; if it is no such log, with what was `wanted`: other files have no times.
    """
    from ...formats.hdr._log import Reader

    stream, head = unpacked(stream, name)
    if kind_of(head, bare(name)) != LOG:
        raise InputError(f"{name}: it has no intervals of time: {wanted} is for a history or a .hlog")
    values, unit = tally.units(NS, name)
    reader = Reader(stream, name, values, unit, lambda line, why: tally.bad(f"{name}:{line}", why))
    try:
        return History.from_log(list(reader), name=os.path.basename(name))
    except ValueError as error:
        raise InputError(f"{name}: {error}") from None


def chosen(history: History, choice: Choice, span: Span, where: str) -> History:
    """Return the part of a history that counts, in steps.  Raises InputError."""
    if not choice.is_all:
        history = History._of(Selected(history._source, lambda key: choice.of_recorder(key) is not None))
    try:
        return span.of(history)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from None


def read_history(history: History, where: str, span: Span, choice: Choice, tally: Tally) -> None:
    """Add what was recorded in the part of a history that counts.

    With `Span.every`, each group is one of a step: it has the label `STEP`, the start of the step.
    """
    tally.found = True
    found = chosen(history, choice, span, where)
    if len(history) and not len(found):
        ends = f"from {time_text(history._source.starts[0])} to {time_text(history._source.ends[-1])}"
        raise InputError(f"{where}: {span.named()}: no interval of it lies there; it has those {ends}")
    if span.every is None:
        for key, histogram in found.snapshot().items():
            _add(key, histogram, where, choice, tally, {})
        return
    for interval in found:
        labels = {STEP: time_text(interval.start)}
        for key, histogram in interval.histograms.items():
            _add(key, histogram, where, choice, tally, labels)


def untimed(key: Key) -> Key:
    """Return the key of a group of all time."""
    return Key(key.name, **{label: value for label, value in key.labels if label != STEP})


def in_steps(rows: Sequence[Any]) -> list[Any]:
    """Return rows of `sources` in the order of time, one group after another; each is named after its time, too."""
    groups: dict[str, list[Any]] = {}
    for row in rows:
        groups.setdefault(row.name, []).append(row)
    found = []
    for name, group in groups.items():
        for row in sorted(group, key=lambda row: time_ns(dict(row.key.labels)[STEP])):
            time = dict(row.key.labels)[STEP]
            found.append(row._replace(name=time if len(groups) == 1 else f"{name} {time}"))
    return found


def _add(key: Key, histogram: Histogram, where: str, choice: Choice, tally: Tally, labels: dict[str, str]) -> None:
    group = choice.of_recorder(key)
    if group is None:
        return
    if labels:
        if STEP in dict(group.labels):
            raise InputError(f"{where}: {key} has a label named {STEP}, as --every gives one: choose by --by")
        group = Key(group.name, **dict(group.labels), **labels)
    tally.add_histogram(histogram, f"{where}, {key}", group, recorder=True)
