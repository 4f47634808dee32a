"""Exemplars as those of OpenTelemetry, and back."""

from __future__ import annotations

import re

from ..._values.exemplar import Exemplar, latest
from ..._values.own import is_own
from ._sdk import SdkExemplar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ...histogram import Histogram

__all__ = ["from_exemplars", "sdk_exemplars"]

#: The labels that have fields of their own, and the number of hexadecimal digits of each.
DIGITS = {"trace_id": 32, "span_id": 16}
#: The most exemplars of a data point that are read.
MOST_READ = 10_000


def sdk_exemplars(histogram: Histogram) -> list[SdkExemplar]:
    """Return the exemplars of a histogram as those of the SDK.

    ``trace_id`` and ``span_id`` become numbers, as the SDK wants them, if both are there in hexadecimal.  If not, they
    stay labels, because exporters send both fields or none.  The other labels are attributes.
    """
    found = []
    for one in histogram.exemplars:
        labels = one.labels
        ids = {name: _id(labels.get(name, ""), digits) for name, digits in DIGITS.items()}
        if all(ids.values()):
            labels = {name: text for name, text in labels.items() if name not in ids}
        else:
            ids = dict.fromkeys(ids)
        found.append(SdkExemplar(labels, one.value, round(one.timestamp * 1e9), **ids))
    return found


def _id(text: str, digits: int) -> int | None:
    """Return an id as a number; None for other texts, and for 0, which is no id."""
    return int(text, 16) or None if re.fullmatch(f"[0-9a-fA-F]{{{digits}}}", text) else None


def from_exemplars(found: Iterable[Any]) -> tuple[Exemplar, ...]:
    """Return the latest exemplar of each octave, of the SDK or of the protocol.

    Attributes that the labels of an `Exemplar` cannot be are left out, and exemplars without any labels then.
    """
    return latest(_read(found))


def _read(found: Iterable[Any]) -> Iterator[Exemplar]:
    for _, one in zip(range(MOST_READ), found):
        labels = {name: text for name, digits in DIGITS.items() if (text := _hex(getattr(one, name), digits))}
        for name, text in _attributes(one.filtered_attributes):
            try:
                Exemplar(0.0, {**labels, name: text}, 0.0)
            except (TypeError, ValueError) as error:
                if not is_own(error):
                    raise
                continue
            labels[name] = text
        try:
            yield Exemplar(_value(one), labels, one.time_unix_nano / 1e9)
        except (TypeError, ValueError) as error:
            if not is_own(error):
                raise


def _hex(value: Any, digits: int) -> str:
    """Return an id in hexadecimal, of a number or of bytes; empty if there is none."""
    number = int.from_bytes(value, "big") if isinstance(value, bytes) else value or 0
    return f"{number:0{digits}x}" if 0 < number < 16**digits else ""


def _value(one: Any) -> float:
    kind = one.WhichOneof("value") if hasattr(one, "WhichOneof") else "value"
    return float(getattr(one, kind)) if kind else -1.0


def _attributes(attributes: Any) -> Iterator[tuple[str, str]]:
    """Yield attributes that are texts, of the protocol or of the SDK."""
    if attributes is None:
        return
    if hasattr(attributes, "items"):
        yield from ((name, value) for name, value in attributes.items() if isinstance(value, str))
        return
    for one in attributes:
        if one.value.WhichOneof("value") == "string_value":
            yield one.key, one.value.string_value
