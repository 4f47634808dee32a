"""Display of a comparison: a table of ratios, and a sentence to quote.

A ratio is shown as the simplest ratio of whole numbers well inside its interval.  So it has no more digits than the
data support.  A ratio also holds on other machines, unlike "3 ms less", and is clear, unlike "20 % faster".
"""

from __future__ import annotations

import decimal
import math
from typing import NamedTuple

from .._show.axis import Axis
from .._show.density import LOWEST, is_drawn, share_below, smallest
from .._show.interval import bar
from .._show.names import shortened
from .._show.scale import Scale, middle
from .._show.table import table
from .._show.view import Density, Table, View
from .._values.text import counted, printable
from .ratios import TOO_FEW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from .._show.view import Cell
    from .._stats.estimate import Estimate
    from ..histogram import Histogram

    class _Comparison(Protocol):
        """The parts of a `historian.Comparison` that this module shows.

        A protocol, because `historian.Comparison` itself calls this module.
        """

        a: Histogram
        b: Histogram
        blocks: tuple[tuple[Histogram, Histogram], ...]
        confidence: float
        names: tuple[str, str]
        looks: int

        @property
        def is_empty(self) -> bool: ...
        @property
        def superiority(self) -> Estimate: ...
        @property
        def kolmogorov_smirnov(self) -> Estimate: ...
        @property
        def wasserstein(self) -> Estimate: ...
        def each_of(self, quantiles: Sequence[float]) -> float: ...
        def bounded(self, q: float, confidence: float) -> Estimate | None: ...
        def missing(self, q: float) -> str: ...


__all__ = ["QUANTILES", "cells_and_notes", "differs", "overview", "sentence", "text", "view", "whole_numbers"]

#: The quantiles in the table.
QUANTILES = (0.5, 0.9, 0.99, 0.999, 0.9999)

OVERVIEW = (0.5, 0.99)  # quantiles of an overview
SHOWN = 10  # comparisons in an overview, at most
LABEL = 16  # columns of a name in a notebook or a terminal
LINE_AT_1 = "line: 1"  # header of the pictures of intervals

MAX_PART = 20  # the smaller number of a ratio of whole numbers is at most this

INNER = 0.8  # the ratio lies in this inner part of the interval, since one near a bound would mislead


def whole_numbers(value: float, lower: float, upper: float) -> tuple[int, int] | None:
    """Return the simplest ratio of whole numbers well inside an interval, or None if its numbers would be large.

    >>> whole_numbers(0.80, 0.78, 0.83), whole_numbers(13.9, 12.3, 15.8), whole_numbers(0.634, 0.559, 0.706)
    ((4, 5), (14, 1), (2, 3))
    """
    if value < 1:
        inverse = whole_numbers(1 / value, 1 / upper, 1 / lower)
        return inverse and (inverse[1], inverse[0])
    low, high = (value + INNER * (end - value) for end in (lower, upper))
    for part in range(1, MAX_PART + 1):
        other = _round_within(value * part, low * part, high * part)
        if low <= other / part <= high:
            return other, part
    return None


def _round_within(value: float, low: float, high: float) -> int:
    """Return the whole number nearest to `value`, rounded to as few digits as the interval allows, but two at least.

    >>> _round_within(701.3, 548.0, 844.0), _round_within(16_033.0, 15_200.0, 17_600.0), _round_within(19.2, 17.0, 21.0)
    (700, 16000, 19)
    """
    whole = round(value)
    for zeros in range(len(str(whole)) - 2, 0, -1):
        if low <= round(whole, -zeros) <= high:
            return round(whole, -zeros)
    return whole


def sentence(comparison: _Comparison, q: float, each: float | None = None, labels: Sequence[str] | None = None) -> str:
    """Answer `Comparison.sentence`; `each` is the confidence of this ratio if it is one of a table.

    `labels` replace the names, if those are too long for a line.
    """
    a, b = labels or _labels(comparison)
    subject = f"{_name(q)} of {b} over {a}"
    estimate = comparison.bounded(q, comparison.confidence if each is None else each)
    if estimate is None:
        missing = printable(comparison.missing(q))
        counts = f" ({comparison.a.count:,} of {a}, {comparison.b.count:,} of {b})" if missing == TOO_FEW else ""
        return f"{subject}: {missing}{counts}"
    interval = f"{_percent(comparison.confidence)} interval {_interval(estimate)}"
    if estimate.lower <= 1 <= estimate.upper:
        return f"{subject}: no clear difference, {interval}"
    return f"{subject}: {_words(estimate)}, {interval}"


def text(comparison: _Comparison, quantiles: Sequence[float] = QUANTILES) -> str:
    """Return a comparison as plain text."""
    rows = _Rows.of(comparison, quantiles)
    return "\n".join([table(*_cells(comparison, rows)), "", *_notes(comparison, rows)])


def cells_and_notes(
    comparison: _Comparison, quantiles: Sequence[float], scale: Scale | None = None
) -> tuple[list[str], list[list[str]], list[str]]:
    """Return the headers and rows of the table, and the lines below it.

    `scale` has the unit to show values in; by default, one that suits them.
    """
    rows = _Rows.of(comparison, quantiles)
    return *_cells(comparison, rows, scale), _notes(comparison, rows)


def differs(comparison: _Comparison) -> bool:
    """Answer `Comparison.decided`."""
    shown = _Rows.of(comparison, QUANTILES).shown.values()
    return any(not ratio.lower <= 1 <= ratio.upper for ratio in shown)


def view(comparison: _Comparison) -> View:
    """Return what notebooks and terminals show of a comparison: both densities, the table of ratios, the sentence."""
    labels, rows = shortened(_labels(comparison), LABEL), _Rows.of(comparison, QUANTILES)
    title = f"{labels[1]} compared with {labels[0]}"
    if comparison.is_empty:
        return View(title, "no data")
    headers, cells = _cells(comparison, rows, labels=labels)
    together = list(rows.shown.values())
    bars = ["", *("" if one is None else bar(together, one, 1.0) for one in rows.ratios.values())]
    lines = [[*row, cell] for row, cell in zip(cells, bars)]
    table = Table([*headers, LINE_AT_1], lines, (LINE_AT_1, "ratio", *headers[1:3]))
    *notes, _, answer = _notes(comparison, rows, labels)
    caption = f"densities of {labels[1]} and {labels[0]} on a logarithmic axis"
    return View(title, answer, _picture(comparison, labels), caption, [table], notes)


def _picture(comparison: _Comparison, labels: Sequence[str]) -> Density | None:
    """Return the density of B, with that of A behind; None if there is nothing to draw."""
    a, b = comparison.a, comparison.b
    if not (is_drawn(a) and is_drawn(b)):
        return None
    axis = Axis.of([smallest(a), a.max, smallest(b), b.max], a.unit)
    marks = [(f"p{100 * q:g}", b.quantile(q)) for q in OVERVIEW if b.quantile(q) > LOWEST]
    name = f"{labels[0]}, behind {labels[1]} with its marks"
    return Density(axis, share_below(b), min(a.count, b.count), marks, share_below(a), name)


def overview(comparisons: Sequence[_Comparison]) -> View:
    """Return what notebooks and terminals show of many comparisons with the same A: the ratios of median and p99.

    The intervals of all ratios hold together, as those of a single comparison do.
    """
    if not comparisons:
        return View("Comparisons", "none")
    shown = comparisons[:SHOWN]
    first, *others = shortened([*_labels(shown[0])[:1], *(_labels(one)[1] for one in shown)], LABEL)
    number = sum(one.bounded(q, one.confidence) is not None for one in shown for q in OVERVIEW)
    parts = [1 - (1 - one.confidence) / max(1, number) for one in shown]
    ratios = [_Rows(part, {q: one.bounded(q, part) for q in OVERVIEW}) for one, part in zip(shown, parts)]
    tables = [_overview_of(q, shown, ratios, first, others) for q in OVERVIEW]
    notes = [sentence(one, of.quoted, of.each, (first, label)) for one, of, label in zip(shown, ratios, others)]
    if number > 1:
        notes.append(f"{_percent(shown[0].confidence)} confidence: for all {number} ratios together (Bonferroni)")
    left_out = len(comparisons) - len(shown)
    notes += [f"... ({left_out:,} more comparisons)"] if left_out else []
    return View(counted(len(comparisons), "comparison"), f"with {first}", tables=tables, notes=notes)


def _overview_of(
    q: float, comparisons: Sequence[_Comparison], found: Sequence[_Rows], first: str, others: Sequence[str]
) -> Table:
    """Return the table of one quantile, with the ratios that were found for each comparison."""
    a, confidence = comparisons[0].a, comparisons[0].confidence
    values = [a.quantile(q), *(each.b.quantile(q) for each in comparisons)]
    scale = Scale.of(a.unit, middle(values))
    ratios = [one.ratios[q] for one in found]
    together = [ratio for ratio in ratios if ratio is not None]
    rows: list[list[Cell]] = [[first, scale.show(values[0]), "", "", ""]]
    for each, label, value, ratio in zip(comparisons, others, values[1:], ratios):
        told: list[Cell] = ["-", printable(each.missing(q)), ""]
        if ratio is not None:
            told = [*_ratio(ratio)[1:], bar(together, ratio, 1.0)]
        rows.append([label, scale.show(value), *told])
    headers = (_name(q), printable(scale.unit), f"over {first}", f"{_percent(confidence)} interval", LINE_AT_1)
    return Table(headers, rows, headers[:3:-1])


class _Rows(NamedTuple):
    """The ratios in a table.  Their intervals hold together with the confidence of the comparison."""

    each: float  # confidence of each interval by itself
    ratios: dict[float, Estimate | None]  # by quantile; None for a ratio without bounds

    @classmethod
    def of(cls, comparison: _Comparison, quantiles: Sequence[float]) -> _Rows:
        each = comparison.each_of(quantiles)
        return cls(each, {q: comparison.bounded(q, each) for q in quantiles})

    @property
    def shown(self) -> dict[float, Estimate]:
        """The ratios with bounds."""
        return {q: ratio for q, ratio in self.ratios.items() if ratio is not None}

    @property
    def quoted(self) -> float:
        """The quantile of the closing sentence: p99 if its ratio differs from 1, else the one that differs most.

        If none differs: p99, else the median, else the first one, of those with bounds if there are any.
        """
        differs = {q: max(r.lower, 1 / r.upper) for q, r in self.shown.items() if not r.lower <= 1 <= r.upper}
        if differs:
            return 0.99 if 0.99 in differs else max(differs, key=differs.__getitem__)
        if self.shown:
            return next((q for q in (0.99, 0.5) if q in self.shown), next(iter(self.shown)))
        return 0.5 if 0.5 in self.ratios else next(iter(self.ratios))


def _labels(comparison: _Comparison) -> list[str]:
    return [printable(name) for name in comparison.names]


def _cells(
    comparison: _Comparison, rows: _Rows, scale: Scale | None = None, labels: Sequence[str] | None = None
) -> tuple[list[str], list[list[str]]]:
    """Return (headers, rows) of the table."""
    a, b = comparison.a, comparison.b
    values = {q: (a.quantile(q), b.quantile(q)) for q in rows.ratios}
    scale = scale or Scale.of(a.unit, middle([value for pair in values.values() for value in pair]))
    labels = labels or _labels(comparison)
    headers = ["", *(f"{label} ({printable(scale.unit)})" for label in labels), f"{labels[1]}/{labels[0]}"]
    headers += ["ratio", f"{_percent(comparison.confidence)} interval"]
    cells = [["count", f"{a.count:,}", f"{b.count:,}", "", "", ""]]
    for q, (low, high) in values.items():
        estimate = rows.ratios[q]
        found = [scale.show(low), scale.show(high)]
        if estimate is not None:
            shown = _ratio(estimate)
        else:
            missing = printable(comparison.missing(q))
            found, shown = ["-", "-"] if missing == TOO_FEW or comparison.is_empty else found, ["-", "-", missing]
        cells.append([_name(q), *found, *shown])
    return headers, cells


def _ratio(estimate: Estimate) -> list[str]:
    """Return a ratio in digits and in words, and its interval."""
    value = float(estimate)
    return [_rounded(value, _decimals(value, estimate)), _words(estimate), _interval(estimate)]


def _notes(comparison: _Comparison, rows: _Rows, labels: Sequence[str] | None = None) -> list[str]:
    """Return the lines below the table."""
    a, b = labels or _labels(comparison)
    shift = comparison.wasserstein
    moved = str(shift) if comparison.is_empty else _factor(shift)
    notes = [
        f"probability that a value of {b} is below a value of {a}, a tie counts half: {comparison.superiority}",
        f"largest difference of shares (Kolmogorov-Smirnov): {comparison.kolmogorov_smirnov}",
        f"mean shift on the logarithm (Wasserstein): {moved}",
    ]
    if comparison.blocks:
        notes.append(f"intervals: resampled from {len(comparison.blocks)} pairs of blocks")
    elif rows.shown:
        notes.append("intervals: for independent values; they are too narrow for values in bursts")
    synthetic = [name for name, h in zip((a, b), (comparison.a, comparison.b)) if h.synthetic]
    if synthetic:
        notes.append(f"partly synthetic: {' and '.join(synthetic)} (some counts are estimates)")
    percent = f"{_percent(comparison.confidence)} confidence"
    if comparison.looks > 1:
        percent += f" at all {comparison.looks:,} looks together"
    if len(rows.shown) > 1:
        together = f"all {len(rows.shown)} ratios together (Bonferroni)"
        notes.append(f"{percent}: for {together}, for each other line alone")
    elif comparison.looks > 1:
        notes.append(f"{percent} (Bonferroni)")
    return [*notes, "", sentence(comparison, rows.quoted, rows.each, labels)]


def _factor(shift: Estimate) -> str:
    """Return a mean shift on the logarithm as a factor, with its bounds."""
    factors = [_short(math.exp(min(one, 700.0))) for one in (float(shift), shift.lower, shift.upper)]
    bounds = f"{factors[1]} to {factors[2]}" if shift.upper < math.inf else f"from {factors[1]}, no upper bound"
    bounds = bounds if shift.confidence is not None else "no bounds"
    return f"a factor of {factors[0]} ({bounds})"


def _name(q: float) -> str:
    """Return the common name of a quantile.

    >>> _name(0.5), _name(0.999), _name(1 / 3)
    ('median', 'p99.9', 'p33.3333333')
    """
    return "median" if q == 0.5 else f"p{100 * q:.9g}"


def _percent(confidence: float) -> str:
    return f"{100 * confidence:.9g} %"


def _words(estimate: Estimate) -> str:
    """Return "undecided" if the interval holds 1, else a ratio of whole numbers, else the ratio of a number to 1."""
    if estimate.lower <= 1 <= estimate.upper:
        return "undecided"
    found = whole_numbers(float(estimate), estimate.lower, estimate.upper)
    if found:
        return f"{found[0]:,}:{found[1]:,}"
    decimals = _decimals(float(estimate), estimate)
    while not estimate.lower <= round(float(estimate), decimals) <= estimate.upper:
        decimals += 1
    return f"{_rounded(float(estimate), decimals)}:1"


def _interval(estimate: Estimate) -> str:
    """Return the bounds, rounded outwards."""
    ends = ((estimate.lower, decimal.ROUND_FLOOR), (estimate.upper, decimal.ROUND_CEILING))
    return " to ".join(_rounded(end, _decimals(end, estimate), outwards) for end, outwards in ends)


def _rounded(value: float, decimals: int, how: str = decimal.ROUND_HALF_EVEN) -> str:
    """Return a number with so many decimals; negative `decimals` replace its last digits by zeros."""
    context = decimal.Context(prec=400)  # enough for the digits of any float64
    rounded = decimal.Decimal(repr(value)).quantize(decimal.Decimal(1).scaleb(-decimals), how, context)
    return f"{rounded:,.{max(0, decimals)}f}"


def _decimals(value: float, estimate: Estimate) -> int:
    """Return the number of decimals to show: two digits, and more if the interval is narrow enough for them.

    If the interval does not hold 1, show enough decimals to tell the value from 1: shown as 1, it would hide the
    difference.
    """
    digits = int(f"{value:.1e}"[4:])
    decimals = max(1 - digits, math.ceil(-math.log10(estimate.upper - estimate.lower)))
    if value == 1 or estimate.lower <= 1 <= estimate.upper:
        return decimals
    return max(decimals, math.ceil(-math.log10(abs(value - 1))))


def _short(factor: float) -> str:
    """Return a factor in three digits."""
    return Scale("", 1.0).show(factor)
