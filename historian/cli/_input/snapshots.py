"""Read the histograms of snapshots: lines of JSON, one recorder each, as `historian.snapshot.save` writes them."""

from __future__ import annotations

import re
from typing import BinaryIO

from ..._values.own import is_own
from ...formats._lines import from_line
from ...histogram import Histogram
from ...snapshot import checked_line, numbered_lines
from .choice import Choice
from .tally import Tally

__all__ = ["is_snapshot", "read_snapshot"]

_FORMAT = re.compile(rb'"format"\s*:\s*"historian/')


def is_snapshot(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is a snapshot."""
    first = head.lstrip(b"\xef\xbb\xbf \t\r\n").split(b"\n", 1)[0]
    return first.startswith(b"{") and _FORMAT.search(first) is not None


def read_snapshot(stream: BinaryIO, name: str, tally: Tally, choice: Choice) -> None:
    """Add the histograms of all recorders that count.

    Lines with the same name and labels are added up; of several of one source, the latest counts.
    """
    for number, line in numbered_lines(stream):
        where = f"{name}:{number}"
        try:
            key, histogram, source = from_line(Histogram, checked_line(line))
        except ValueError as error:
            if not is_own(error):
                raise
            tally.bad(where, str(error))
            continue
        group = choice.of_recorder(key)
        if group is not None:
            tally.add_recorder(key, histogram, where, group, source)
