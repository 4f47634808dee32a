"""Read the messages of DDSketch, one in each file.  They say neither which library wrote them nor their unit."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from ..._values.text import percent
from .stream import bare
from .tally import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .layout import Layout
    from .tally import Tally

__all__ = ["DIALECTS", "SKETCH", "SUFFIX", "WHICH", "dialect_in", "is_sketch", "read_sketch"]

SKETCH = "a DDSketch"
SUFFIX = ".ddsketch"

#: The libraries that write them, as in `historian.formats.ddsketch`, which is imported when it is needed.
DIALECTS = ("py", "go", "java")

#: Maximum size of a message in bytes.  2,048 bins, the most that the libraries keep, have some 25 kB.
MAX_NBYTES = 1 << 22

WHICH = "pass --dialect py, go or java, or name the file so, such as a.py.ddsketch"


def is_sketch(head: bytes, plain: str) -> bool:
    """Return whether a file that begins with these bytes and has this name, in lower case, is a sketch.

    A message begins with its mapping, and this with its gamma, a float64 from 1 to 2: its bytes are not text.
    """
    if plain.endswith(SUFFIX):
        return True
    return len(head) > 10 and head[0] == 0x0A and head[2] == 0x09 and 1 < struct.unpack_from("<d", head, 3)[0] < 2


def dialect_in(name: str) -> str:
    """Return the library that a file's name tells, or an empty text.

    >>> dialect_in("day.py.ddsketch.gz"), dialect_in("day.ddsketch")
    ('py', '')
    """
    ending = os.path.splitext(bare(name).removesuffix(SUFFIX))[1][1:]
    return ending if ending in DIALECTS else ""


def read_sketch(stream: BinaryIO, name: str, layout: Layout, tally: Tally) -> None:
    """Add the histogram of a sketch."""
    layout._replace(dialect="").refuse(name, SKETCH)
    group = layout.group_of(name)
    if group is None:
        return
    dialect = dialect_in(name) or layout.dialect
    if not dialect:
        raise InputError(f"{name}: the libraries of DDSketch number buckets differently: {WHICH}")
    from ...formats.ddsketch import decode

    values, _ = tally.units("s", name)
    data = stream.read(MAX_NBYTES + 1)
    try:
        if len(data) > MAX_NBYTES:
            raise ValueError(f"not a DDSketch: longer than {MAX_NBYTES:,} bytes")
        found = decode(data, dialect=dialect, unit=values)
    except ValueError as error:
        tally.bad(name, str(error))
        return
    tally.add_histogram(found.histogram, name, group)
    if not found.is_exact and found.histogram.count:
        tally.note(f"{name}: a DDSketch with other buckets: percentiles are within {percent(found.relative_error)}")
