"""Find and read ``.hist`` files.  Each file is one histogram, as `Histogram.to_bytes` writes it."""

from __future__ import annotations

import os
from typing import BinaryIO

from ..._core import MAX_BLOB_NBYTES
from ..._values.key import Key
from ...histogram import Histogram
from .stream import bare
from .tally import ALL, InputError, Tally

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HIST", "SUFFIX", "files_in", "names_in", "read_hist"]

SUFFIX = ".hist"

#: The first bytes of a histogram.
HIST = b"\x89HSB"

#: Maximum length in bytes of a file name in a list.
MAX_NAME_NBYTES = 1 << 16


def read_hist(stream: BinaryIO, name: str, tally: Tally, group: Key = ALL) -> None:
    """Add the histogram in a ``.hist`` file to the tally."""
    try:
        histogram = Histogram.from_bytes(stream.read(MAX_BLOB_NBYTES + 1))
    except ValueError as error:
        tally.bad(name, str(error))
    else:
        tally.add_histogram(histogram, name, group)


def files_in(directory: str, *, exclude: str) -> Iterator[str]:
    """Yield the paths of all ``.hist`` files in a directory and the directories below it, except the path `exclude`.

    The order is undefined.  Links to directories are not followed.  Memory does not grow with the number of files.
    Raises OSError.
    """
    waiting = [directory]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif bare(entry.name).endswith(SUFFIX) and entry.is_file() and os.path.realpath(entry.path) != exclude:
                    yield entry.path


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
