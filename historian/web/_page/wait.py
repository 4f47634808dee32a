"""`wait`: how many users wait who need n calls, and how long, as a page shows it."""

from __future__ import annotations

import math
import re

from ..._show.scale import quantity
from ..._stats.beyond import collected
from ..._values.text import counted
from .._http.request import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..._stats.estimate import Estimate
    from ...histogram import Histogram

__all__ = ["MAX_N", "wait"]

MAX_N = 1_000_000  # calls
THRESHOLDS = {"median": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9}
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?(e[+-]?[0-9]{1,2})?")


def wait(total: Histogram, n: int, threshold: str) -> dict[str, Any]:
    """Return the share of users who wait longer than a threshold for n independent calls, for JSON.

    The threshold is a percentile of a single call, such as "p99", or a number in the recorder's unit.  Raises Refused.
    """
    t = _threshold(total, threshold)
    if not total.count:
        return {"n": n, "threshold": None}
    fanout = total.fanout(n)
    share, warning = collected(lambda: fanout.p_wait(t))
    median, _ = collected(lambda: fanout.quantile(0.5))
    p99, _ = collected(lambda: fanout.quantile(0.99))
    return {
        "n": n,
        "threshold": t,
        "text": quantity(t, total.unit),
        "call": _percent(total.sf(t)),
        "share": _share(share),
        "median": _value(median),
        "p99": _value(p99),
        "why": share.why,
        "method": share.method,
        "warning": warning,
        "values": counted(total.count, "value"),
    }


def _threshold(total: Histogram, text: str) -> float:
    if text in THRESHOLDS:
        return total.percentile(THRESHOLDS[text])
    if not _NUMBER.fullmatch(text):
        known = ", ".join(THRESHOLDS)
        raise Refused(400, "Bad Request", f"t must be one of {known}, or a number in the recorder's unit, such as 0.25")
    return float(text)


def _share(estimate: Estimate) -> dict[str, Any]:
    return {
        "value": estimate.value,
        "lower": estimate.lower,
        "upper": estimate.upper,
        "text": _percent(estimate.value),
        "interval": [_percent(estimate.lower), _percent(estimate.upper)],
        "confidence": estimate.confidence,
    }


def _value(estimate: Estimate) -> dict[str, str]:
    value, _, interval = str(estimate).partition(" (")
    return {"text": value, "interval": interval.removesuffix(")")}


def _percent(share: float) -> str:
    """Return a share in percent: three digits, and near 100 % two digits of what is missing.

    >>> _percent(0.6339677), _percent(0.0000125), _percent(0.99968), _percent(1.0)
    ('63.4 %', '0.00125 %', '99.968 %', '100 %')
    """
    small = min(share, 1 - share)
    if small < 1e-12:
        return "100 %" if share > 0.5 else "0 %"
    digits = 3 if share < 0.9 else 2
    decimals = digits - 1 - math.floor(math.log10(100 * small))
    return f"{100 * share:.{max(0, min(decimals, 12))}f} %"
