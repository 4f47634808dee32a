"""Find and read ``.hist`` files.  Each file is one histogram, as `Histogram.to_bytes` writes it."""

from __future__ import annotations

import os
from typing import BinaryIO

from ..._core import MAX_BLOB_NBYTES
from ..._values.key import Key
from ..._values.own import is_own
from ...histogram import Histogram
from .stream import bare
from .tally import ALL, InputError, Tally

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["HIST", "SUFFIX", "files_in", "names_in", "read_hist"]

SUFFIX = ".hist"

#: The first bytes of a histogram.
HIST = b"\x89HSB"

#: Maximum length in bytes of a file name in a list.
MAX_NAME_NBYTES = 1 << 16


def read_hist(stream: BinaryIO, name: str, tally: Tally, group: Key = ALL) -> None:
    """Add the histogram in a ``.hist`` file to the tally."""
    data = stream.read(MAX_BLOB_NBYTES + 1)
    try:
        histogram = Histogram.from_bytes(data)
    except ValueError as error:
        if not is_own(error):
            raise
        tally.bad(name, _reason(data) or str(error).replace("wrong: some of", "wrong: it was cut short, or some of"))
    else:
        tally.add_histogram(histogram, name, group)


def _reason(data: bytes) -> str:
    """Return what is wrong with a file that is not one histogram, if people do that; else an empty text."""
    if not data:
        return "not the bytes of a histogram: it is empty"
    if not data.startswith(HIST):
        return ""
    for end in range(len(HIST), len(data)):  # the shortest part that is a histogram: a checksum ends it
        if data.startswith(HIST, end) and _is_histogram(data[:end]):
            return "several histograms one after the other: keep them in files of their own, and merge those"
    return ""


def _is_histogram(data: bytes) -> bool:
    try:
        Histogram.from_bytes(data)
    except ValueError:
        return False
    return True


def files_in(directory: str, *, exclude: str, on_error: Callable[[OSError], None]) -> Iterator[str]:
    """Yield the paths of all ``.hist`` files in a directory and the directories below it, except the path `exclude`.

    The order is undefined.  Links to directories are not followed.  Memory does not grow with the number of files.
    `on_error` gets the error of what cannot be looked at; if it returns, the others follow.
    """
    waiting = [directory]
    while waiting:
        try:
            entries = os.scandir(waiting.pop())
        except OSError as error:
            on_error(error)
            continue
        with entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif bare(entry.name).endswith(SUFFIX) and os.path.realpath(entry.path) != exclude:
                    try:
                        if entry.is_file():
                            yield entry.path
                    except OSError as error:  # such as a link to itself
                        on_error(error)


def names_in(stream: BinaryIO, *, separator: bytes) -> Iterator[str]:
    """Yield the file names in a stream.  Empty names are left out.

    Raises InputError for a name longer than MAX_NAME_NBYTES: probably the separator is wrong.
    """
    rest = b""
    while chunk := stream.read(1 << 16):
        *names, rest = (rest + chunk).split(separator)
        yield from map(os.fsdecode, filter(None, names))
        if len(rest) > MAX_NAME_NBYTES:
            raise InputError(
                f"the list of files has a name of more than {MAX_NAME_NBYTES:,} bytes: is -0 right for this list?"
            )
    if rest:
        yield os.fsdecode(rest)
