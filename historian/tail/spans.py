"""Spans of traces as a table: a row for each trace, a column for each call."""

from __future__ import annotations

from .._values.text import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

__all__ = ["table_of"]


def table_of(spans: Iterable[tuple[Hashable, str, float]], missing: str) -> dict[str, list[float]]:
    """Return the durations of (trace, name, duration) by name.  O(spans).

    If a trace has several spans of a name, they are numbered in their order: ``"shard#1"``, ``"shard#2"``.  Raises
    ValueError if traces have different spans, unless `missing` is "drop": then only traces with all of them are kept.
    """
    if missing not in ("raise", "drop"):
        raise ValueError(f"missing must be 'raise' or 'drop', not {missing!r}")
    traces: dict[Hashable, dict[str, list[float]]] = {}
    most: dict[str, int] = {}
    for span in spans:
        try:
            trace, name, duration = span
        except (TypeError, ValueError):
            raise TypeError(f"spans must be tuples (trace, name, duration), not {span!r}") from None
        durations = traces.setdefault(trace, {}).setdefault(str(name), [])
        durations.append(duration)
        most[str(name)] = max(most.get(str(name), 0), len(durations))
    complete = [
        one for one in traces.values() if all(len(one.get(name, ())) == number for name, number in most.items())
    ]
    lost = len(traces) - len(complete)
    if lost and (missing == "raise" or not complete):
        remedy = "select a kind of request" if missing == "drop" else "select a kind of request, or pass missing='drop'"
        few = f"{lost:,} of {counted(len(traces), 'trace')} lack some of the spans that others have"
        raise ValueError(f"{few}: {remedy}")
    return {
        name if number == 1 else f"{name}#{k + 1}": [one[name][k] for one in complete]
        for name, number in most.items()
        for k in range(number)
    }
