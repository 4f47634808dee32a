"""Exemplars of recorders: the latest one of each octave, in the memory of the process that recorded it.

They are never in a directory's file: it holds words of 64 bits, each written at once, so that a process may be killed
at any moment.  Labels are texts, and a reader could find them half written.

A recorder keeps at most 98 of them, each with at most 128 characters of labels.  They are in a dictionary by octave,
which a recorder gets with its first exemplar.  The dictionary belongs to one process: a child starts with an empty one,
and never waits for a lock that another thread of its parent held.
"""

from __future__ import annotations

import os
import time

from .._values.exemplar import Exemplar, checked_labels, latest, octave_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from .._core import Counters, _Taken
    from .._values.key import Key
    from ..histogram import Histogram
    from .moved import _Recorder

    _Pairs = tuple[tuple[str, str], ...]

__all__ = [
    "add_exemplars",
    "exemplar_of",
    "exemplars_of",
    "labels_of",
    "read_all",
    "take_all",
    "with_exemplars",
]


def labels_of(exemplar: object, is_later: bool) -> _Pairs | bool | None:
    """Return the labels of an exemplar, None if there is none to keep.  Raises what `record` raises for it.

    True stands for the labels of the current span: those of now, or if `is_later`, of the end of a block.
    """
    if exemplar is None or exemplar is False:
        return None
    if exemplar is not True:
        return checked_labels(exemplar) or None  # type: ignore[arg-type]  # it raises for others
    _find_current_span()
    return True if is_later else _labels_of_span()


def exemplar_of(value: float, labels: _Pairs | bool | None) -> Exemplar | None:
    """Return an exemplar of now, None if there are no labels.  True stands for those of the current span."""
    pairs = _labels_of_span() if labels is True else labels
    return Exemplar._of(value, pairs, time.time()) if isinstance(pairs, tuple) else None


def exemplars_of(recorder: Counters | _Recorder) -> list[Exemplar]:
    """Return the exemplars that this process keeps of a recorder."""
    kept = recorder._exemplars(os.getpid())
    return list(kept.values()) if kept else []


def add_exemplars(recorder: Counters, exemplars: Iterable[Exemplar]) -> None:
    """Keep exemplars that were recorded elsewhere, where they are later than those that are kept."""
    new = list(exemplars)
    kept = recorder._exemplars(os.getpid(), True) if new else None
    if kept is not None:
        for one in latest([*kept.values(), *new]):
            kept[octave_of(one.value)] = one


def with_exemplars(histogram: Histogram, exemplars: Mapping[int, Exemplar] | None) -> Histogram:
    """Return a histogram with what `_take_exemplars` returned."""
    return histogram._with(exemplars.values()) if exemplars else histogram


def read_all(recorders: Iterable[_Recorder]) -> dict[Key, list[Exemplar]]:
    """Return the exemplars of recorders in a directory.  To be called before their counts are read."""
    found: dict[Key, list[Exemplar]] = {}
    for one in recorders:
        if one._keeps and one._header is not None:
            found.setdefault(one._header.key, []).extend(exemplars_of(one))
    return found


def take_all(recorders: Iterable[_Recorder], taken: list[_Taken]) -> dict[Key, list[Exemplar]]:
    """Do as `read_all` does, and forget them; what is forgotten is added to `taken`: see `give_back`."""
    found: dict[Key, list[Exemplar]] = {}
    for one in recorders:
        if one._keeps and one._header is not None:
            found.setdefault(one._header.key, []).extend((one._take_exemplars(os.getpid(), taken) or {}).values())
    return found


_get_current_span: Callable[[], Any] | None = None  # of OpenTelemetry, once it has been asked for


def _find_current_span() -> Callable[[], Any]:
    """Return OpenTelemetry's function.  Raises ImportError, which names the extra."""
    global _get_current_span
    if _get_current_span is None:
        try:
            from opentelemetry.trace import get_current_span
        except ImportError as error:
            raise ImportError(
                "exemplar=True needs OpenTelemetry: run pip install 'latency-historian[opentelemetry]', or pass labels"
            ) from error
        _get_current_span = get_current_span
    return _get_current_span


def _labels_of_span() -> _Pairs | None:
    """Return the labels of the current span, as OpenTelemetry's exporters write them; None if it is not sampled."""
    context = _find_current_span()().get_span_context()
    if not context.is_valid or not context.trace_flags.sampled:
        return None
    return ("trace_id", f"{context.trace_id:032x}"), ("span_id", f"{context.span_id:016x}")
