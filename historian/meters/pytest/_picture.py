"""`picture`: one or two histograms as text of ASCII characters: rows of values, with bars of their numbers."""

from __future__ import annotations

from ..._show.names import cut
from ..._show.scale import Scale
from ..._values.text import printable
from ...buckets import OVERFLOW_INDEX, ZERO_INDEX, upper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...histogram import Histogram

__all__ = ["picture"]

ROWS = 12
WIDTH = 40  # columns of all bars


def picture(histograms: Mapping[str, Histogram]) -> str:
    """Return histograms in the same unit as lines, each of a range of values, with their number and a bar.

    The ranges have equal width on a logarithmic axis, so a slow tail is seen.  Each row with a value has a bar.
    O(buckets).

    >>> from historian import Histogram
    >>> print(picture({"f": Histogram.from_values([0.001] * 90 + [0.004] * 10)}))
      up to  calls of f
    1.12 ms          90 ########################################
    1.27 ms           0
    1.43 ms           0
    1.61 ms           0
    1.81 ms           0
    2.04 ms           0
    2.30 ms           0
    2.59 ms           0
    2.92 ms           0
    3.28 ms           0
    3.70 ms           0
    4.17 ms          10 ####
    """
    filled = {name: h for name, h in histograms.items() if h.count}
    if not filled:
        return "nothing measured"
    counts = [dict(zip(h.indices.tolist(), h.counts.tolist())) for h in filled.values()]
    inside = sorted({i for one in counts for i in one if ZERO_INDEX < i < OVERFLOW_INDEX})
    first, last = (inside[0], inside[-1]) if inside else (0, 0)
    step = max(1, -(-(last - first + 1) // ROWS))
    ends = range(first + step - 1, last + step, step)
    width = WIDTH // len(filled)
    rows = [[_within(one, end - step, end) for one in counts] for end in ends]
    most = [max(1, *(row[k] for row in rows)) for k in range(len(filled))]
    unit = next(iter(filled.values())).unit
    labels = [_shown(upper(end), unit) for end in ends]
    names = [cut(f"calls of {printable(name)}", max(16, width + 8)) for name in filled]
    sizes = [max(len(name), *(len(f"{row[k]:,}") for row in rows)) for k, name in enumerate(names)]
    edge = max(map(len, [*labels, "up to"]))
    lines = ["  ".join(["up to".rjust(edge), *(n.rjust(s).ljust(s + 1 + width) for n, s in zip(names, sizes))])]
    for label, row in zip(labels, rows):
        cells = [f"{n:,}".rjust(s) + " " + _bar(n, top, width) for n, s, top in zip(row, sizes, most)]
        lines.append("  ".join([label.rjust(edge), *cells]))
    return "\n".join(line.rstrip() for line in lines)


def _within(counts: Mapping[int, int], below: int, end: int) -> int:
    return sum(counts.get(i, 0) for i in range(below + 1, end + 1))


def _bar(number: int, most: int, width: int) -> str:
    return ("#" * max(1, round(width * number / most)) if number else "").ljust(width)


def _shown(value: float, unit: str) -> str:
    scale = Scale.of(unit, value)
    return f"{scale.show(value)} {scale.unit}"
