"""A directory as this process sees it: what its file holds, and what recorders hold that count elsewhere.

If the file was removed or replaced, recorders of this process may hold values in a file that no one else finds (see
`moved`).  They belong to the result, too.
"""

from __future__ import annotations

import os
import time

from .._files import draining, reading
from .._files.errors import CorruptFileError, checked
from .._files.file import is_at_path
from .._files.header import FILE_NAME, path_of
from ..histogram import Histogram
from .exemplars import read_all, take_all
from .moved import drain_left, follow_path, read_left
from .opened import recorders_in
from .snapshots import Snapshot, id_of_recorder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from .._core import _Taken
    from .._values.exemplar import Exemplar
    from .._values.key import Key
    from .moved import _Recorder

__all__ = ["drain_directory", "read_directory"]


def read_directory(directory: str, trust: bool) -> tuple[Snapshot, dict[str, CorruptFileError]]:
    """Return the histograms of all recorders, in the order of their creation, and errors by file or recorder."""
    live = recorders_in(os.path.join(directory, FILE_NAME))
    stray = _not_at_path(live)
    for found in stray:
        follow_path(found)
    now, exemplars = time.time(), read_all(live)
    readings, problems = reading.read_all(directory, trust)
    histograms, sources, starts = {}, {}, {}
    file_id = readings[0].file_id.hex() if readings else ""
    for one in readings:
        key = one.header.key
        histograms[key] = one.histogram
        sources[key] = id_of_recorder(file_id, one.place, one.drains), now
        if not one.drains:
            starts[key] = one.header.created / 1e9
    read = frozenset(histograms) if live else ()
    for found in {*_not_at_path(live), *stray, *(one for one in live if one._files[2])}:
        if found._header is not None:
            key = found._header.key
            _add(histograms, sources, problems, key, read_left(found, readings[0].status if key in read else None))
    _attach(histograms, exemplars)
    if len(sources) < len(histograms):  # those of several sources have no start that is known
        starts = {key: start for key, start in starts.items() if key in sources}
    return Snapshot(histograms, sources=sources, starts=starts), problems


def drain_directory(
    directory: str, chosen: Collection[Key] | None, trust: bool, taken: list[_Taken]
) -> tuple[Snapshot, dict[str, CorruptFileError]]:
    """Drain all recorders, or those chosen; return what they held, and errors by file or recorder.

    What is taken out is also added to `taken`, until the caller has the result: see `give_back`.
    """
    file = os.path.join(directory, FILE_NAME)
    kept = [one for one in recorders_in(file) if chosen is None or (one._header and one._header.key in chosen)]
    exemplars = take_all(kept, taken)
    drained, problems = draining.drain_directory(directory, chosen, trust, taken)
    now = time.time()
    histograms, sources = {}, {}
    for one in drained:
        key, counted = one.header.key, one.counted
        histogram = Histogram._from_reading(counted[:4], one.header.unit, counted[4])
        if key not in histograms:
            histograms[key], sources[key] = histogram, (id_of_recorder(one.file_id.hex(), one.place, counted[5]), now)
            continue
        if histograms[key].count + histogram.count < 2**63:
            _add(histograms, sources, problems, key, histogram)  # the file was damaged: two places have this key
        else:
            at = path_of(file, one.place)
            problems[at] = CorruptFileError(
                at, "another recorder has its name and labels, and they hold 2**63 values or more"
            )
    for found in recorders_in(file):  # last: a file may be removed at any moment
        if found._header is None or (chosen is not None and found._header.key not in chosen):
            continue
        follow_path(found)
        _add(histograms, sources, problems, found._header.key, drain_left(found, taken))
    _attach(histograms, exemplars)
    return Snapshot(histograms, sources=sources), problems


def _attach(histograms: dict[Key, Histogram], exemplars: Mapping[Key, Iterable[Exemplar]]) -> None:
    """Add the exemplars that this process keeps: those of others cannot be seen."""
    for key, found in exemplars.items():
        if key in histograms:
            histograms[key] = histograms[key]._with(found)


def _add(
    histograms: dict[Key, Histogram],
    sources: dict[Key, tuple[str, float]],
    problems: dict[str, CorruptFileError],
    key: Key,
    more: Histogram | OSError | ValueError | None,
) -> None:
    """Add what a recorder holds elsewhere, unless its unit is another one; or the error."""
    if isinstance(more, CorruptFileError):
        problems.setdefault(more.path, more)
        return
    more = checked(more)
    if more is not None and histograms.get(key, more).unit == more.unit:
        histograms[key] = histograms[key] + more if key in histograms else more
        if more.count:
            sources.pop(key, None)  # they are several


def _not_at_path(recorders: Iterable[_Recorder]) -> list[_Recorder]:
    """Return those whose file was removed or replaced."""
    recorders = list(recorders)
    files = {found._file for found in recorders}
    here = {file for file in files if file is not None and is_at_path(file)}
    return [found for found in recorders if found._file not in here]
