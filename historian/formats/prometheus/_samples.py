"""Lines of Prometheus' text format, and of OpenMetrics: the samples in them."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Sample", "number", "parsed", "unit_in"]

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_SAMPLE = re.compile(
    rf"([A-Za-z_:][A-Za-z0-9_:]*)?[ \t]*(?:\{{((?:[^\"}}]|{_QUOTED})*)\}})?[ \t]*(?<=[ \t}}])([^ \t#]+)"
    r"(?:[ \t]+([^ \t#]+))?(?:[ \t]+#.*)?"
)
_LABEL = re.compile(rf"[ \t]*(?:([A-Za-z_][A-Za-z0-9_]*)|({_QUOTED}))[ \t]*(?:=[ \t]*({_QUOTED}))?[ \t]*(,|\Z)")
_NUMBER = re.compile(r"[-+]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[Ii][Nn][Ff]|[Nn][Aa][Nn])")
_UNIT = re.compile(r"#[ \t]+UNIT[ \t]+(\S+)[ \t]+(\S+)[ \t]*")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"\\": "\\", '"': '"', "n": "\n"}

#: Characters of a number; no program writes longer ones.
MAX_NUMBER = 100


class Sample(NamedTuple):
    """One value of a metric."""

    name: str
    labels: dict[str, str]
    value: float  # an int if it is written as one


def parsed(line: str) -> Sample | None:
    """Return the sample in a line, None for a comment or an empty line.  Raises ValueError, with the reason."""
    text = line.strip(" \t\r\n")
    if not text or text.startswith("#"):
        return None
    found = _SAMPLE.fullmatch(text)
    if found is None:
        raise ValueError(f"not a sample, which is a name, labels in braces and a number: {text[:60]!r}")
    name, labels, value, stamp = found.groups()
    named, pairs = _labels(labels or "")
    if (name is None) == (named is None):
        raise ValueError(f"a sample has one name, not {'two' if name else 'none'}: {text[:60]!r}")
    if stamp is not None:
        number(stamp, "a time stamp")
    return Sample(name or named or "", pairs, number(value, "a value"))


def number(text: str, what: str) -> float:
    """Return a number, an int if it is written as one.  Raises ValueError, with what it is, for other texts."""
    if len(text) > MAX_NUMBER or not _NUMBER.fullmatch(text):
        raise ValueError(f"{what} must be a number, not {text[:60]!r}")
    return int(text) if text.isdigit() else float(text)


def unit_in(line: str) -> tuple[str, str] | None:
    """Return metric and unit that a comment of OpenMetrics names; None for any other line."""
    found = _UNIT.fullmatch(line.strip(" \t\r\n"))
    return None if found is None else (found[1], found[2])


def _labels(text: str) -> tuple[str | None, dict[str, str]]:
    """Return the name in braces, which is in quotation marks, or None; and the labels.  Raises ValueError."""
    at, name, text = 0, None, text.rstrip(" \t")
    pairs: dict[str, str] = {}
    while at < len(text):
        found = _LABEL.match(text, at)
        if found is None:
            raise ValueError(f'not a label, such as code="200": {text[at : at + 60]!r}')
        plain, quoted, value, _ = found.groups()
        label = plain or _unescaped(quoted)
        if value is None:
            if plain is not None or name is not None or at:
                raise ValueError(f"the label {label[:60]!r} has no value")
            name = label
        elif label in pairs:
            raise ValueError(f"the label {label[:60]!r} comes twice")
        else:
            pairs[label] = _unescaped(value)
        at = found.end()
    return name, pairs


def _unescaped(quoted: str) -> str:
    text = quoted[1:-1]
    return _ESCAPE.sub(_replaced, text) if "\\" in text else text


def _replaced(found: re.Match[str]) -> str:
    if found[1] not in _ESCAPED:
        raise ValueError(f"there is no escape sequence {found[0]!r}")
    return _ESCAPED[found[1]]
