"""Read what HdrHistogram writes: logs, percentile tables, encoded histograms.

None of them says in which unit its values are.  Most programs record nanoseconds, and print tables in milliseconds.
"""

from __future__ import annotations

import re
from typing import BinaryIO

from ..._values.text import percent
from .choice import EVERYTHING
from .generators import WRK2
from .lines import BOM
from .tally import InputError, clipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..._values.key import Key
    from ...formats.hdr import HdrHistogram, Interval
    from .layout import Layout
    from .tally import Tally

__all__ = ["ENCODED", "LOG", "NS", "TABLE", "encoded_in", "group_of", "kind_of", "read_hdr", "read_wrk2"]

LOG, TABLE, ENCODED = "a log of HdrHistogram", "a percentile table of HdrHistogram", "an HdrHistogram"

#: The units that are usual for recorded values, and for tables.
NS, MS = "ns", "ms"

#: Maximum size in bytes of an encoded histogram, or of a line of them.
MAX_NBYTES = 1 << 24

#: What all files of these kinds have among their first bytes, so that the module that knows them is loaded only then.
_HINT = re.compile(rb"HIST|DHIS|\x1c\x84\x93|\x0c\x72\x12|#\[|StartTimestamp|Percentile")

_WRK2 = re.compile(WRK2.encode())

_BASE64 = re.compile(rb"(?:HIST|DHIS)[A-Za-z0-9+/]{12,}={0,2}\s*")


def is_wrk2(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is the output of wrk2, which has its own reader."""
    return _WRK2.match(head.removeprefix(BOM)) is not None


def kind_of(head: bytes, plain: str) -> str:
    """Return what a file is that begins with these bytes and has this name, in lower case; empty if none of them."""
    if plain.endswith(".hlog"):
        return LOG
    if plain.endswith(".hgrm"):
        return TABLE
    if not _HINT.search(head[:8192]):
        return ""
    from ...formats.hdr._log import is_log
    from ...formats.hdr._table import is_table

    if is_log(head):
        return LOG
    if is_table(head):
        return "" if is_wrk2(head) else TABLE
    is_raw = head[:3] in (b"\x1c\x84\x93", b"\x0c\x72\x12")
    return ENCODED if is_raw or _BASE64.fullmatch(head.removeprefix(BOM).split(b"\n", 1)[0]) else ""


def read_hdr(stream: BinaryIO, name: str, kind: str, layout: Layout, tally: Tally) -> None:
    """Add the histograms of a log, a table or encoded ones.  In a log, ``tag`` is a key of ``--where`` and ``--by``."""
    if kind == LOG:
        layout._replace(choice=EVERYTHING).refuse(name, kind)
        _read_log(stream, name, layout, tally)
        return
    layout.refuse(name, kind)
    group = layout.group_of(name)
    if group is None:
        return
    if kind == TABLE:
        _read_table(stream, name, group, tally)
    else:
        values, unit = tally.units(NS, name)
        for where, histogram in encoded_in(stream, name, tally):
            try:
                tally.add_histogram(histogram.histogram(values=values, unit=unit), where, group)
            except ValueError as error:
                tally.bad(where, str(error))


def group_of(interval: Interval, name: str, layout: Layout) -> Key | None:
    """Return the group of an interval, or None if it does not count."""
    choice = layout.choice
    if choice.is_all:
        return layout.otherwise
    return choice.group({"tag": interval.tag, "name": choice.file_name(name)}.get, layout.otherwise)


def _read_log(stream: BinaryIO, name: str, layout: Layout, tally: Tally) -> None:
    from ...formats.hdr._log import Reader

    values, unit = tally.units(NS, name)
    layout.choice.known.update(dict.fromkeys(("tag", "name")))
    found, skipped = False, tally.skipped
    try:
        reader = Reader(stream, name, values, unit, lambda line, why: tally.bad(f"{name}:{line}", why))
        for interval in reader:
            found = True
            group = group_of(interval, name, layout)
            if group is not None:
                tally.add_histogram(interval.histogram, f"{name}:{reader.number}", group)
    except ValueError as error:
        tally.bad(name, str(error).removeprefix(f"{name}, "))
    if not found and tally.skipped == skipped:
        tally.found = True  # an idle program is not nothing
        if tally.said.get(NS, "").startswith(f"{name}: "):
            del tally.said[NS]
        tally.said[name] = f"{name}: it holds no intervals, only a header"


def _read_table(stream: BinaryIO, name: str, group: Key, tally: Tally) -> None:
    from ...formats.hdr._table import MAX_NBYTES, parse_percentiles

    values, unit = tally.units(MS, name)
    try:
        table = parse_percentiles(stream.read(MAX_NBYTES + 1), name)
        histogram = table.histogram(values=values, unit=unit)
    except ValueError as error:
        tally.bad(name, str(error).removeprefix(f"{name}, ").removeprefix(f"{name}: "))
    else:
        tally.add_histogram(histogram, name, group)
        if table.relative_error:
            tally.note(f"{name}: {_said_of_rows(table.relative_error)}")


def read_wrk2(stream: BinaryIO, name: str, layout: Layout, tally: Tally) -> None:
    """Add the percentile tables in the output of wrk2, and of other programs.

    ``latency`` is a key of ``--where`` and ``--by``: "recorded", or "uncorrected" for the table that ``--u_latency``
    adds, in which delayed starts are not counted.
    """
    from ...formats.hdr._table import MAX_NBYTES, parse_wrk2

    values, unit = tally.units(MS, name, is_known=True)
    choice = layout.choice
    choice.known.update(dict.fromkeys(("latency", "name")))
    try:
        found = parse_wrk2(stream.read(MAX_NBYTES + 1), name)
    except ValueError as error:
        why = str(error).removeprefix(f"{name}, ").removeprefix(f"{name}: ")
        if why.startswith("not a percentile table: no line"):
            why = "it has no 'Detailed Percentile spectrum': run wrk2 with --latency"
        tally.bad(name, why)
        return
    worst = 0.0
    for title, table in found:
        keys = {"latency": "uncorrected" if title.startswith("Uncorrected") else "recorded"}
        group = choice.group({**keys, "name": choice.file_name(name)}.get, layout.otherwise)
        if group is None:
            tally.note(f"{name}: leaves out the {keys['latency']} latency; --by latency shows both")
            continue
        worst = max(worst, table.relative_error)
        tally.add_histogram(table.histogram(values=values, unit=unit), name, group)
    if worst:
        tally.note(f"{name}: {_said_of_rows(worst)}")


def _said_of_rows(error: float) -> str:
    return f"values between two rows of its table count as the upper row: at most {percent(error)} off"


def encoded_in(stream: BinaryIO, name: str, tally: Tally) -> Iterator[tuple[str, HdrHistogram]]:
    """Yield (where, histogram) of each encoded one: of all bytes, or of each line of base64."""
    from ...formats.hdr import decode

    data = stream.read(MAX_NBYTES + 1)
    if len(data) > MAX_NBYTES:
        raise InputError(f"{name}: longer than {MAX_NBYTES:,} bytes: keep histograms in a log")
    lines = [(name, data)]
    if not data.startswith((b"\x1c", b"\x0c")):
        numbered = enumerate(data.removeprefix(BOM).splitlines(), 1)
        lines = [(f"{name}:{number}", line) for number, line in numbered if line.strip()]
    for where, line in lines:
        try:
            if lines[0][0] != name and not line.startswith((b"HIST", b"DHIS")):
                raise ValueError(f"{clipped(line.decode(errors='surrogateescape'))} is not an HdrHistogram in base64")
            yield where, decode(line)
        except ValueError as error:
            tally.bad(where, str(error))
