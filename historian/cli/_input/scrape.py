"""Read what a service shows to Prometheus, as text: its classic histograms, one for each name and labels."""

from __future__ import annotations

import re
from typing import BinaryIO

from ..._values.text import percent
from .choice import Choice
from .lines import BOM, Lines
from .tally import Tally

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SCRAPE", "is_scrape", "read_scrape"]

SCRAPE = "a scrape of Prometheus"

#: How such a file begins: a comment that describes a metric, or a bucket, as of ``grep``.
_BEGIN = re.compile(
    rb'\s*(?:#[ \t]+(?:HELP|TYPE|UNIT)[ \t]+[A-Za-z_:"]|[A-Za-z_:][\w:]*_bucket[ \t]*\{[^\n]*\ble[ \t]*=[ \t]*")'
)


def is_scrape(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is text for Prometheus."""
    return _BEGIN.match(head.removeprefix(BOM)) is not None


def read_scrape(stream: BinaryIO, name: str, tally: Tally, choice: Choice) -> None:
    """Add the classic histograms that count.  Their name tells the unit, else ``--unit`` does."""
    from ...formats.prometheus._scraped import series_in

    worst, below, above, found = 0.0, 0, 0, False
    for series in series_in(_lines(stream, name, tally), lambda line, why: tally.bad(f"{name}:{line}", why)):
        found = True
        group = choice.of_recorder(series.key)
        if group is None:
            continue
        try:
            scraped = series.scraped(tally.told_unit)
        except ValueError as error:
            tally.bad(f"{name}:{series.line}", str(error))
            continue
        tally.add_recorder(scraped.key, scraped.histogram, f"{name}:{series.line}", group, None)
        worst, below, above = max(worst, scraped.relative_error), below + scraped.below, above + scraped.above
    if not found and not tally.skipped:
        tally.bad(name, "it has no classic histogram, whose samples end in _bucket and have a label le")
    if found:
        tally.note(f"{name}: buckets of Prometheus, {_error(worst, below, above)}")


def _lines(stream: BinaryIO, name: str, tally: Tally) -> Iterator[tuple[int, str]]:
    lines = Lines(stream)
    for line in lines:
        fault = lines.take_fault()
        if fault:
            tally.bad(f"{name}:{lines.number}", fault)
        else:
            yield lines.number, line


def _error(worst: float, below: int, above: int) -> str:
    """Return how far percentiles can be off."""
    parts = [f"interpolated: a percentile may be {percent(worst)} off"] if worst else ["interpolated"]
    if below:
        parts.append(f"{below:,} below the lowest bound may be any smaller")
    if above:
        parts.append(f"{above:,} above the highest bound any larger")
    return "; ".join(parts)
