"""Output of commands: `put` prints results, `say` prints messages, `write` writes histograms to a file."""

from __future__ import annotations

import os
import sys

from .. import snapshot
from .._files.replace import replace
from .._values.key import Key
from .._values.text import printable
from ..histogram import Histogram, merge
from ._input.packed import zstd_compressed
from ._input.stream import bare
from ._input.tally import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["are_lines", "encode", "merged", "put", "say", "write"]

#: Endings of the names of files that hold a line for each histogram.
LINES = (".jsonl", ".ndjson")


def put(text: str) -> None:
    """Print text; characters that the output's encoding lacks are printed as escape sequences."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def say(command: str, message: str) -> None:
    """Print a message of a command on standard error, as one line."""
    print(f"historian {command}: {printable(message)}", file=sys.stderr)


def are_lines(path: str, *, otherwise: bool) -> bool:
    """Return whether a file gets a line for each histogram, rather than one histogram of all; its name tells.

    >>> are_lines("day.jsonl.gz", otherwise=False), are_lines("day.hist", otherwise=True)
    (True, False)
    """
    plain = bare(path)
    return plain.endswith(LINES) or (otherwise and not plain.endswith(".hist"))


def encode(histograms: Mapping[Key, Histogram], *, lines: bool) -> bytes:
    """Return lines of a snapshot, or the bytes of one merged histogram; all histograms are in one unit then."""
    return snapshot.dump(histograms).encode() if lines else merged(histograms.values()).to_bytes()


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """Return all histograms as one.  Raises InputError if they are too many values."""
    try:
        return merge(histograms)
    except OverflowError as error:
        raise InputError(f"all together: {error}".split(" (at position")[0]) from None


def write(command: str, path: str, data: bytes) -> int:
    """Write a file completely or not at all; "-" is standard output.  Return the exit status."""
    if path == "-":
        if sys.stdout.isatty() and not data.isascii():
            say(command, "error: a histogram is not text: redirect standard output to a file or a command")
            return 2
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        return 0
    try:
        replace(path, _packed(path, data))
    except OSError as error:
        say(command, f"cannot write {path}: {error.strerror or error}")
        return 1
    except InputError as error:
        say(command, f"cannot write {error}")
        return 1
    return 0


def _packed(path: str, data: bytes) -> bytes:
    """Return the data, compressed if the file's name says so."""
    ending = os.path.splitext(path)[1].lower()
    if ending == ".gz":
        import gzip

        return gzip.compress(data, mtime=0)
    if ending == ".bz2":
        import bz2

        return bz2.compress(data)
    if ending == ".xz":
        import lzma

        return lzma.compress(data)
    return zstd_compressed(data, path) if ending in (".zst", ".zstd") else data
