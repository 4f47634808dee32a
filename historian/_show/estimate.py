"""What notebooks and terminals show of estimates: each value with its interval, and the reasons below."""

from __future__ import annotations

import math

from .interval import bar, common_scale, interval_header, texts
from .scale import Scale, middle
from .view import Table, View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol

    from .interval import _Bounded

    class _Estimate(_Bounded, Protocol):
        @property
        def why(self) -> str: ...
        @property
        def confidence(self) -> float | None: ...
        @property
        def method(self) -> str: ...


__all__ = ["estimate_view", "estimates_view"]


def estimate_view(estimate: _Estimate) -> View:
    """Return what is shown of a single estimate."""
    scale = common_scale(estimate)
    value, inside = texts(estimate, scale)
    if math.isnan(estimate.value):
        return View("Estimate", inside)
    unit = f" {scale.unit}" if scale.unit else ""
    how = f"{interval_header(estimate.confidence)} {inside}" if inside[0] in "-0123456789" else inside
    facts = f"{how}{unit if inside[-1] in '0123456789' else ''}" if inside != "exact" else "exact"
    return View(
        f"{value}{unit}", ", ".join([facts, *([estimate.method] if estimate.method else [])]), notes=[estimate.why]
    )


def estimates_view(estimates: Any, places: Sequence[tuple[int, ...]]) -> View:
    """Return what is shown of many estimates: those at `places`, and the reasons that hold for all or some."""
    shape = " x ".join(f"{size:,}" for size in estimates.shape)
    facts = [f"shape {shape}", *([estimates.method] if estimates.method else [])]
    shown = [estimates[place] for place in places]
    known = [one for one in shown if not math.isnan(one)]
    if not known:
        return View("Estimates", f"{facts[0]}, no data")
    scale = Scale.of(estimates.unit, middle([abs(one.value) for one in known]))
    rows = [[", ".join(map(str, place)), *texts(one, scale), bar(known, one)] for place, one in zip(places, shown)]
    left_out = estimates.size - len(rows)
    if left_out:
        rows.insert(len(rows) // 2, ["...", f"{left_out:,} more", "", ""])
    header = interval_header(estimates.confidence)
    table = Table(("index", scale.unit or "value", header, " "), rows, (" ",))
    return View("Estimates", ", ".join(facts), tables=[table], notes=[estimates.why])
