"""A history as the columns of a data frame: a row for each interval and key."""

from __future__ import annotations

from .._values.columns import columns, unused
from .series import times_array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .intervals import Source

__all__ = ["frame"]


def frame(source: Source, percentiles: Iterable[float]) -> dict[str, Any]:
    """Answer `History.to_frame`."""
    starts: list[int] = []
    ends: list[int] = []
    rows = []
    for i, (start, end) in enumerate(zip(source.starts, source.ends)):
        for key, histogram in sorted(source.load(i).items()):
            if histogram.count:
                starts.append(start)
                ends.append(end)
                rows.append((key, histogram))
    held = columns(rows, percentiles)
    times = {"start": times_array(starts).copy(), "end": times_array(ends).copy()}
    return {**times, **{name if name not in times else unused(name, {**held, **times}): held[name] for name in held}}
