"""Names of metrics and labels: what Prometheus allows, and what to write instead."""

from __future__ import annotations

import re

from ..._values.text import printable, shortened

__all__ = ["check_suffixes", "label_name", "metric_name", "suffix_of"]

#: What Prometheus allows in names of metrics and labels.  It allows colons in metrics, too, for recording rules only.
LEGAL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ILLEGAL = re.compile(r"[^A-Za-z0-9_]")
#: The suffix of a metric for each unit that is not a suffix itself.
SUFFIXES = {
    "s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds", "min": "minutes", "h": "hours",
    "B": "bytes", "KiB": "kibibytes", "MiB": "mebibytes", "GiB": "gibibytes", "TiB": "tebibytes",
    "%": "percent", "1": "",
}  # fmt: skip
#: Ends of the names of series that belong to one histogram.
SERIES = ("_bucket", "_count", "_sum", "_created")
RESERVED = "le"  # the label of a classic bucket


def metric_name(name: str, unit: str, underscores: bool) -> str:
    """Return the name of the metric for a recorder's name and unit.

    With `underscores`, each character that Prometheus does not allow becomes one.  Otherwise it raises ValueError.

    >>> metric_name("lookup", "s", False), metric_name("lookup_seconds", "s", False), metric_name("db.rows", "1", True)
    ('lookup_seconds', 'lookup_seconds', 'db_rows')
    """
    legal = _joined(_legal(name), suffix_of(unit))
    if not underscores:
        if not LEGAL.fullmatch(name):
            raise ValueError(f"Prometheus does not allow {_shown(name)} as a name: use {_shown(legal)}")
        if not LEGAL.fullmatch(SUFFIXES.get(unit) or unit) and unit != "1":
            raise ValueError(
                f"the unit {_shown(unit)} of {_shown(name)} must be a suffix of its name, but Prometheus does not "
                f"allow it: use the unit {suffix_of(unit)!r}, or '1'"
            )
    return legal


def suffix_of(unit: str) -> str:
    """Return the end of the name of a metric in this unit, without ``_`` before it; empty for the unit "1"."""
    found = SUFFIXES.get(unit)
    return _legal(unit).strip("_") or "unit" if found is None else found


def label_name(label: str, underscores: bool) -> str:
    """Return the name of a label.  Raises ValueError as `metric_name` does.

    >>> label_name("http.route", True), label_name("le", True), label_name("__name__", True)
    ('http_route', 'le_', '_name__')
    """
    legal = re.sub("^_+", "_", _legal(label))
    if legal == RESERVED:
        legal += "_"
    if legal != label and not underscores:
        why = f" of a histogram: it is that of the buckets; use {legal!r}" if label == RESERVED else f": use {legal!r}"
        raise ValueError(f"Prometheus does not allow {_shown(label)} as a label{why}")
    return legal


def check_suffixes(names: set[str]) -> None:
    """Raise ValueError if a metric has the name of a series of another one."""
    for name in names:
        for end in SERIES:
            if name.endswith(end) and name.removesuffix(end) in names:
                raise ValueError(
                    f"the metric {_shown(name)} has the name of a series of the histogram "
                    f"{_shown(name.removesuffix(end))}: rename one of them"
                )


def _joined(name: str, suffix: str) -> str:
    return name if not suffix or name == suffix or name.endswith(f"_{suffix}") else f"{name}_{suffix}"


def _legal(text: str) -> str:
    found = ILLEGAL.sub("_", text)
    return found if LEGAL.fullmatch(found) else f"_{found}"


def _shown(text: str) -> str:
    return repr(shortened(printable(text), 200))
