"""Read the JSON of benchmark tools: each benchmark by itself, as if it were a recorder."""

from __future__ import annotations

from ..._values.own import is_own
from ...formats.benchmarks import MAX_NBYTES, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from .layout import Layout
    from .tally import Tally

__all__ = ["read_benchmarks"]


def read_benchmarks(stream: BinaryIO, name: str, layout: Layout, tally: Tally) -> None:
    """Add the benchmarks that count.  Their names and parameters are keys of ``--where`` and ``--by``."""
    try:
        found = parse(stream.read(MAX_NBYTES + 1))
    except ValueError as error:
        if not is_own(error):
            raise
        tally.bad(name, str(error))
        return
    tally.are_apart = True
    for key, histogram in found.items():
        group = layout.choice.of_recorder(key)
        if group is not None:
            tally.add_recorder(key, histogram, f"{name}, {key}", group, None)
    tally.note("each value is the mean of the runs of a loop, in which a slow one hardly shows")
