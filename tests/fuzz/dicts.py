"""Dictionaries: `Histogram.from_dict` refuses with a ValueError, or returns what is written there."""

from __future__ import annotations

import json
import math
from random import Random
from types import NoneType
from typing import Any

import mutate
from blob_format import LARGEST, OVERFLOW, ZERO, edges, encoded
from blobs import any_blob
from campaign import ACCEPTED, REFUSED, FaultError

from historian import Histogram

POOL = 200

#: Values that JSON, or a program, may hold in any place.
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), 10**400, 0.0, -0.0, 0.5, 1e308,
    -1e-300, math.inf, -math.inf, math.nan, "", "s", "ms", "\n", "\ud800", "x" * 256, "0x1p0", "0x0p0", "0x1p1074",
    "0x" + "f" * 541 + "p0", "historian/1", "historian/2", "1", "1.5", "inf", b"1", [], [0], [[]], {}, {"a": 1}, b"s",
    1j, (), (1,), [1.5], ["1"], [True], [None], [math.nan], [2**63], [-1], [10**400], ["min"], ["max"],
    ["min", "max"], ["max", "min"], ["min", "min"], "min", ["sum"],
)  # fmt: skip

FIELDS = (
    "format", "unit", "count", "sum", "min", "max", "indices", "counts", "exact_sum", "synthetic", "bounds",
    "exemplars",
)  # fmt: skip


def any_dict(rng: Random) -> dict[str, Any]:
    """Return what `Histogram.to_dict` returns."""
    while True:
        blob = any_blob(rng)
        if len(blob.counts) < 200:
            data: dict[str, Any] = dict(Histogram.from_bytes(encoded(blob)).to_dict())
            if data["count"] and rng.random() < 0.5:
                data["exemplars"] = [an_exemplar(rng) for _ in range(rng.randrange(1, 4))]
            return data


def an_exemplar(rng: Random) -> dict[str, Any]:
    labels = {rng.choice(("trace_id", "span_id", "_")): "ab" * rng.randrange(30) for _ in range(rng.randrange(1, 3))}
    return {"value": 2.0 ** rng.randrange(-40, 70), "labels": labels, "timestamp": rng.random() * 2e9}


def hostile(rng: Random, data: dict[str, Any], *, plain: bool = False) -> dict[str, Any]:
    """Return data with one to three changes; only what JSON can hold, if `plain`."""
    result = json.loads(json.dumps(data))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        change(rng, result, plain)
    return dict(result)


def change(rng: Random, data: dict[str, Any], plain: bool) -> None:
    key = rng.choice(FIELDS)
    values = [value for value in VALUES if is_plain(value)] if plain else VALUES
    kind = rng.randrange(9)
    if kind == 0:
        data.pop(key, None)
    elif kind == 1:
        data[key] = rng.choice(values)
    elif kind == 2:
        key = rng.choice(("sum", "min", "max"))
        data[key] = mutate.double(rng)
        if rng.random() < 0.5 and isinstance(before := data.get("sum"), float):
            data[key] = rng.choice((math.nextafter(before, 0), before, before + 1))
    elif kind == 3:
        data["count"] = mutate.integer(rng, 8) - rng.choice((0, 0, 2**63))
    elif kind == 4 and "exact_sum" in data and isinstance(data["exact_sum"], str) and data["exact_sum"]:
        text = bytearray(data["exact_sum"].encode(errors="replace"))
        mutate.damage(rng, text)
        data["exact_sum"] = text.decode("latin-1")
    elif kind == 8:
        exemplars(rng, data, values)
    else:
        lists(rng, data, values)


def exemplars(rng: Random, data: dict[str, Any], values: Any) -> None:
    """Change a field of an exemplar, or its labels; or add exemplars."""
    found = data.get("exemplars")
    if not isinstance(found, list) or not found or not isinstance(found[0], dict):
        data["exemplars"] = [an_exemplar(rng) for _ in range(rng.choice((1, 2, 98, 99)))]
        return
    labels = found[0].get("labels")
    if rng.random() < 0.5 and isinstance(labels, dict):
        name = rng.choice(("trace_id", "a b", "", "ü", "x" * 129, "x" * 128))
        labels[name] = rng.choice((*values, "", "a\0", "\u202e", "x" * 120))
    else:
        found[0][rng.choice(("value", "labels", "timestamp", "other"))] = rng.choice(values)


def is_plain(value: Any) -> bool:
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False


def lists(rng: Random, data: dict[str, Any], values: Any) -> None:
    """Change the list of indices or that of counts, or both alike."""
    indices, counts = data.get("indices"), data.get("counts")
    if not isinstance(indices, list) or not isinstance(counts, list) or not indices or len(counts) != len(indices):
        data["indices"], data["counts"] = [0], [1]
        return
    k = rng.randrange(len(indices))
    kind = rng.randrange(7)
    if kind == 0:
        indices[k] = rng.choice(
            (ZERO - 1, ZERO, OVERFLOW, OVERFLOW + 1, mutate.integer(rng, 8), -mutate.integer(rng, 4))
        )
    elif kind == 1:
        counts[k] = mutate.integer(rng, 8) - rng.choice((0, 0, 2**63))
    elif kind == 2:
        rng.choice((indices, counts))[k] = rng.choice(values)
    elif kind == 3:
        del rng.choice((indices, counts))[k]
    elif kind == 4:
        indices.insert(k, indices[k])
        counts.insert(k, counts[k])
    elif kind == 5:
        rng.shuffle(indices)
    else:
        counts[k] = 0
    if rng.random() < 0.5 and all(isinstance(count, int) for count in counts):
        data["count"] = sum(counts)


def fault_of(data: dict[str, Any], histogram: Histogram) -> str:
    """Return why a histogram is not what the data say; empty if it is."""
    indices, counts = data["indices"], data["counts"]
    numbers = [data["sum"], *((data["min"], data["max"]) if counts else ())]
    if not all(type(x) in (int, float, NoneType) for x in numbers) or type(data["count"]) not in (int, float):
        return "a sum, an extreme or a count that is not a number"
    if not all(type(x) is int for x in [*indices, *counts]) or len(indices) != len(counts):
        return "lists that are not of integers, or not of one length"
    if any(count < 0 for count in counts) or len(set(indices)) < len(indices):
        return "a negative count, or an index twice"
    expected = {index: count for index, count in zip(indices, counts) if count}
    if dict(zip(histogram.indices.tolist(), histogram.counts.tolist())) != expected:
        return "other counts"
    if not histogram.count == data["count"] == sum(counts) < 2**63 or histogram.unit != data["unit"]:
        return "another count or unit"
    if data["format"] != "historian/1" or histogram.synthetic != data.get("synthetic", False):
        return "another format or mark"
    total = math.inf if data["sum"] is None else float(data["sum"])
    if histogram.sum != total or total < 0:
        return "another sum"
    if expected:
        low, high = edges(min(expected)), edges(max(expected))
        if not (histogram.min == float(data["min"]) <= histogram.max == float(data["max"]) <= LARGEST):
            return "other extremes"
        if not low[0] <= histogram.min <= low[1] or not (
            high[0] < histogram.max <= high[1] or histogram.max == 0 == high[0]
        ):
            return "extremes in other buckets"
        is_edge = histogram.min == low[0] > 0  # only a bound can be there
        bounds = ["min"] * is_edge + [name for name in data.get("bounds", []) if name == "max" or not is_edge]
        if histogram.to_dict().get("bounds", []) != bounds:
            return "other bounds"
    return fault_of_exemplars(data.get("exemplars", []), histogram)


def fault_of_exemplars(listed: list[Any], histogram: Histogram) -> str:
    """Return why exemplars are not the latest of each octave in a list; empty if they are."""
    found = histogram.exemplars
    told = [(float(one["value"]), one["labels"], float(one["timestamp"])) for one in listed]
    if not all((one.value, one.labels, one.timestamp) in told for one in found) or bool(found) != bool(told):
        return "other exemplars"
    if len({math.frexp(math.nextafter(one.value, 0))[1] if one.value > 0 else None for one in found}) < len(found) - 2:
        return "several exemplars of an octave"  # the zero bucket and the overflow bucket have many
    if [one.value for one in found] != sorted(one.value for one in found):
        return "exemplars that are not ascending"
    for one in found:
        size = sum(len(name) + len(text) for name, text in one.labels.items())
        if not 0 < size <= 128 or not "".join(one.labels.values()).isprintable():
            return "labels that are not allowed"
    return ""


def check(data: dict[str, Any], histogram: Histogram) -> None:
    """Check that a histogram says what the data say, and survives each way there and back."""
    if fault := fault_of(data, histogram):
        raise FaultError(f"{fault}: {histogram!r} from {shown(data)}")
    if Histogram.from_dict(histogram.to_dict()) != histogram:
        raise FaultError(f"not equal after to_dict() and from_dict(): {shown(data)}")
    if Histogram.from_dict(histogram.to_dict()).exemplars != histogram.exemplars:
        raise FaultError(f"other exemplars after to_dict() and from_dict(): {shown(data)}")
    if Histogram.from_bytes(histogram.to_bytes()) != histogram:
        raise FaultError(f"not equal after to_bytes() and from_bytes(): {shown(data)}")


def shown(data: object) -> str:
    return repr(data)[:4000]


class Dicts:
    """Hostile dictionaries."""

    batch = 20_000
    addresses = 0

    def __init__(self, seed: int, folder: str) -> None:
        rng = Random(seed)
        self.pool = [any_dict(rng) for _ in range(POOL)]

    def case(self, rng: Random) -> str:
        data = hostile(rng, rng.choice(self.pool))
        try:
            histogram = Histogram.from_dict(data)
        except ValueError:
            return REFUSED
        check(data, histogram)
        return ACCEPTED
