"""Read the numbers in one field of JSON: one object per line, or one document in all."""

from __future__ import annotations

import json
import math
import re
from functools import partial
from typing import BinaryIO

from ..._values.key import Key
from .._near import did_you_mean, listed
from .batch import Batch
from .choice import METRICS, Mixture, Together
from .lines import BOM, MAX_LINE_NBYTES, Lines
from .tally import InputError, Tally, clipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from typing import NoReturn

    from .layout import Layout

__all__ = ["parsed_document", "read_array", "read_json", "refuse_json"]

#: Objects whose keys are remembered for suggestions.
LOOKED = 100

#: Maximum size in bytes of a document that is not one object per line, and is read as a whole.  Its numbers take four
#: times as much memory.
MAX_DOCUMENT_NBYTES = 1 << 26


def refuse_json(head: bytes, name: str) -> NoReturn:
    """Raise InputError for JSON without ``--field``; suggest the fields that hold numbers."""
    text = head.removeprefix(BOM).lstrip()
    found: list[str] = []
    for part in (text.split(b"\n", 1)[0], text):  # an object per line, or one document
        try:
            found = found or _numeric(json.loads(part))
        except (ValueError, RecursionError):
            continue
    hint = f"; there are {listed(found)}" if found else ""
    raise InputError(f"{name}: it looks like JSON: name the field of the numbers with --field{hint}")


def parsed_document(stream: BinaryIO, name: str) -> object:
    """Return a whole document.  Raises InputError if it is too long, ValueError if it is not JSON."""
    return _parsed(_rest(stream, name).removeprefix("\ufeff"))


def read_array(stream: BinaryIO, name: str, tally: Tally, group: Key) -> None:
    """Count the numbers in a JSON array of numbers."""
    try:
        values = parsed_document(stream, name)
    except ValueError as error:
        tally.bad(name, str(error))
        return
    good = []
    for k, value in enumerate(values if isinstance(values, list) else []):
        if isinstance(value, (dict, list)):
            refuse_json(_text(value).encode(), name)
        try:
            good.append(_number(value, tally))
        except ValueError as error:
            tally.bad(f"{name}: element {k}", str(error))
    tally.add(good, group)


def read_json(stream: BinaryIO, name: str, layout: Layout, tally: Tally) -> None:
    """Count the numbers in one field of JSON objects, one object per line.  Blank lines are skipped.

    If the first line is no whole object, or very long, the file is read as one document.  Arrays on the way to the
    field stand for each of their elements.
    """
    first = stream.readline(MAX_LINE_NBYTES + 1)
    fields = _Fields(name, layout, tally)
    if first.removeprefix(BOM).strip() in (b"{", b"[") or (
        len(first) > MAX_LINE_NBYTES and first.removeprefix(BOM).lstrip()[:1] in (b"{", b"[")
    ):
        fields.add_document(stream, first)
        fields.end()
        return
    lines = Lines(stream, first, fields.leaves_out if fields.asked else None)
    for line in lines:
        fault = lines.take_fault()
        text = line.strip()
        try:
            if fault:
                raise ValueError(f"{fault}: {clipped(text)}" if text else fault)
            if text:
                fields.add(_parsed(text), text)
        except ValueError as error:
            tally.bad(f"{name}:{lines.number}", str(error))
    fields.end()


def _rest(stream: BinaryIO, name: str, first: bytes = b"") -> str:
    """Return the rest of a document that begins with `first`.  Raises InputError, ValueError."""
    data = first + stream.read(MAX_DOCUMENT_NBYTES + 1 - len(first))
    if len(data) > MAX_DOCUMENT_NBYTES:
        raise InputError(f"{name}: longer than {MAX_DOCUMENT_NBYTES:,} bytes: write one JSON object per line")
    try:
        return data.removeprefix(BOM).decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        piece = data[max(0, error.start - 20) : error.start + 20].decode(errors="surrogateescape")
        raise ValueError(f"not UTF-8 text: {clipped(piece)} in line {line:,}") from None


class _Fields:
    """Counts the numbers in a field of values of JSON."""

    def __init__(self, name: str, layout: Layout, tally: Tally) -> None:
        self._name = name
        self._field = layout.field.replace("[]", "")  # arrays stand for their elements anyway
        self._layout = layout
        self._tally = tally
        keys = (self._field, *layout.choice.where, *layout.choice.by)
        self._parts = {part for key in keys for part in key.split(".")}  # of the paths to what is asked for
        self._quoted = [json.dumps(part) for part in self._parts]
        alone = [
            next(iter(values)) for key, values in layout.choice.where.items() if key != "name" and len(values) == 1
        ]
        #: Texts of which each line that counts has all.  Numbers, which have several spellings, are none of them.
        self.asked = [text.encode() for text in alone if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_. ]*", text)]
        self.asked.sort(key=len, reverse=True)  # long ones are seldom there
        self._file = layout.choice.file_name(name)
        self._batch = Batch(tally)
        self._looked = 0  # how many objects gave their keys for suggestions
        self._mixture: Mixture | None = None
        self._together = Together(layout.apart)

    def leaves_out(self, line: bytes) -> bool:
        """Return whether ``--where`` leaves out a line, if this can be told without parsing it.

        A line of one object, without escapes, and without a text that is asked for, has other values.  Before anything
        is found, each line is parsed: its values may be suggestions.
        """
        for text in self.asked:
            if text not in line:
                is_plain = line.startswith(b"{") and line.endswith((b"}\n", b"}\r\n")) and b"\\" not in line
                return is_plain and self._layout.choice.found
        return False

    def add(self, root: object, text: str) -> None:
        """Count the numbers in a value of JSON, which was read from `text`.  Raises ValueError for a bad one.

        A document is too long for messages: its `text` is empty.
        """
        if any(text.count(key) > 1 for key in self._quoted):
            _refuse_duplicates(text, self._parts)
        leaf = _leaf(root, self._field)
        if leaf is None or isinstance(leaf, list):  # there is none, or there are arrays on the way to it
            self._add_each(root, text)
            return
        group = self._group(root, {})
        if group is not None:
            self._mix(root)
            self._batch.add(group, self._number(leaf, text))

    def _add_each(self, root: object, text: str) -> None:
        leaves = list(_leaves(root, self._field, {}))
        if not leaves and self._group(root, {}) is not None:  # other lines may have none
            hint = _hint(self._field, root) if isinstance(root, dict) else ""
            raise ValueError(f"no field {clipped(self._field)} in {clipped(text or _text(root))}{hint}")
        for leaf, context in leaves:
            group = self._group(root, context)
            if group is not None:
                self._mix(root)
                if self._layout.apart and not self._together.is_several:
                    self._together.add(_text_of(root, context, self._layout.apart))
                self._batch.add(group, self._number(leaf, text))

    def _number(self, leaf: object, text: str) -> float:
        try:
            return _number(leaf, self._tally, f" in field {clipped(self._field)}")
        except ValueError as error:
            raise ValueError(f"{error}, in {clipped(text)}" if text else str(error)) from None

    def _group(self, root: object, context: Mapping[str, object]) -> Key | None:
        """Return the group of a number, or None if it does not count."""
        choice = self._layout.choice
        if choice.is_all:
            return self._layout.otherwise
        if self._looked < LOOKED:
            self._looked += 1
            choice.known.update(dict.fromkeys(_keys(root)))
        return choice.group(partial(self._value_of, root, context), self._layout.otherwise)

    def _value_of(self, root: object, context: Mapping[str, object], key: str) -> str | None:
        """Return the value of a key; what has no name is named after its file."""
        value = _text_of(root, context, key)
        return self._file if value is None and key == "name" else value

    def add_document(self, stream: BinaryIO, first: bytes) -> None:
        """Count the numbers in a whole document, which begins with `first`."""
        try:
            text = _rest(stream, self._name, first)
            root = _parsed(text)
            if any(text.count(key) > 1 for key in self._quoted):
                _refuse_duplicates(text, self._parts)
        except ValueError as error:
            self._tally.bad(self._name, str(error))
            return
        for k, one in enumerate(root if isinstance(root, list) else [root]):
            try:
                self.add(one, "")
            except ValueError as error:
                self._tally.bad(f"{self._name}: element {k}" if isinstance(root, list) else self._name, str(error))

    def end(self) -> None:
        """Count the numbers that wait."""
        if self._together.is_several:
            self._tally.note(self._together.note(self._name))
        self._batch.flush()

    def _mix(self, root: object) -> None:
        if not isinstance(root, dict):
            return
        choice = self._layout.choice
        for key in METRICS:
            if key in root and isinstance(root[key], str) and key not in choice.where and key not in choice.by:
                self._mixture = self._mixture or Mixture(key, self._name)
                self._mixture.add(root[key])
                return


def _number(value: object, tally: Tally, where: str = "") -> float:
    """Return a number, or a text such as "12ms", as a float.  Raises ValueError, with the reason, for others."""
    if isinstance(value, str) and value[:1] in "P.0123456789" and (value[-1:].isalpha() or "," in value):
        return tally.number(value)  # a duration, or a number with a comma, which this refuses with a hint
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = _as_float(value)
        return tally.checked(number, repr(value) if number == number and abs(number) < math.inf else _text(value))
    raise ValueError(f"{clipped(_text(value))}{where} is not a number")


def _hint(field: str, root: dict[str, object]) -> str:
    """Return the end of a message about a field that an object lacks."""
    if root.get("type") == "Metric" and "metric" in root:  # k6 describes each metric before its first number
        return "; to leave out the lines that describe metrics, pass --where type=Point"
    return did_you_mean(field, _keys(root))


def _parsed(text: str) -> object:
    """Return the value of JSON in a text.  Raises ValueError, with the reason, if it is not JSON."""
    try:
        value: object = json.loads(text)
    except RecursionError:
        raise ValueError(f"{clipped(text)} is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{clipped(text)} is not JSON: {error}") from None
    except ValueError:  # an integer with more digits than Python converts
        value = json.loads(text, parse_int=_as_int)
    return value


def _as_int(digits: str) -> float:
    return int(digits) if len(digits) <= 400 else float(digits)


def _text(value: object) -> str:
    """Return a value as JSON, for a message."""
    try:
        return json.dumps(value)
    except (RecursionError, ValueError):  # nested too deeply; an integer with too many digits
        return "..."


def _refuse_duplicates(text: str, asked: Collection[str]) -> None:
    """Raise ValueError if an object in a text, which is JSON, has two values for one of the keys that are asked for."""

    def pairs(found: list[tuple[str, object]]) -> None:
        if len(dict(found)) < len(found):
            keys = [key for key, _ in found]
            twice = next((key for k, key in enumerate(keys) if key in keys[:k] and key in asked), None)
            if twice is not None:
                raise ValueError(f"{clipped(text)} has the key {clipped(twice)} twice")

    try:
        json.loads(text, object_pairs_hook=pairs, parse_int=float)
    except RecursionError:
        raise ValueError(f"{clipped(text)} is nested too deeply") from None


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an int beyond float64
        return math.inf if value > 0 else -math.inf


def _leaves(
    value: object, path: str, context: Mapping[str, object], done: str = ""
) -> Iterator[tuple[object, Mapping[str, object]]]:
    """Yield the values of a field: ``a.b`` is the key "b" in the object "a", or the key "a.b" itself.

    The elements of an array are looked at one by one.  With each value comes the element of each array on the way to
    it, by the path of the array.
    """
    if isinstance(value, list) and (done or path):
        for element in value:
            yield from _leaves(element, path, {**context, done: element}, done)
    elif not path:
        yield value, context
    elif isinstance(value, dict):
        if path in value:
            yield from _leaves(value[path], "", context, f"{done}.{path}" if done else path)
            return
        key, dot, rest = path.partition(".")
        if dot and key in value:
            yield from _leaves(value[key], rest, context, f"{done}.{key}" if done else key)


def _leaf(value: object, path: str) -> object:
    """Return the value of a field, the way `_leaves` does, if there are no arrays on the way to it; else None."""
    while isinstance(value, dict):
        if path in value:
            return value[path]
        key, dot, path = path.partition(".")
        if not dot or key not in value:
            return None
        value = value[key]
    return None


def _text_of(root: object, context: Mapping[str, object], key: str) -> str | None:
    """Return the value of a key as text, as a user writes it for ``--where``; None if there is none."""
    for path, element in reversed(list(context.items())):
        if path and key.startswith(f"{path}."):
            root, key = element, key[len(path) + 1 :]
            break
    value = _leaf(root, key)
    if isinstance(value, str):
        return value
    return None if value is None or isinstance(value, (dict, list)) else json.dumps(value)


def _keys(value: object, prefix: str = "", depth: int = 0) -> list[str]:
    """Return the paths of the fields of an object, for suggestions."""
    if isinstance(value, list):
        return _keys(value[0], prefix, depth) if value else []
    if not isinstance(value, dict) or depth == 4:
        return [prefix] if prefix else []
    found = []
    for key, inner in value.items():
        found += _keys(inner, f"{prefix}.{key}" if prefix else str(key), depth + 1)
    return found


def _numeric(value: object) -> list[str]:
    """Return the paths of the fields that hold numbers."""
    found = []
    for path in _keys(value):
        leaf = next((leaf for leaf, _ in _leaves(value, path, {})), None)
        if isinstance(leaf, (int, float)) and not isinstance(leaf, bool):
            found.append(path)
    return found
