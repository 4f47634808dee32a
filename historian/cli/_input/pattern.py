"""Read the numbers in lines of a log, by a regular expression with a group ``value`` (``--pattern``)."""

from __future__ import annotations

import re
from typing import BinaryIO

from ..._values.key import Key
from .batch import Batch
from .lines import Lines
from .tally import InputError, Tally, clipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .layout import Layout

__all__ = ["read_pattern"]


def read_pattern(stream: BinaryIO, name: str, layout: Layout, tally: Tally) -> None:
    """Count the group ``value`` of each line that the pattern matches, in the unit of the group ``unit``, if any.

    Other named groups are the keys of ``--where`` and ``--by``.  Lines that do not match are counted and reported.
    Raises InputError if none does.
    """
    pattern, choice = re.compile(layout.pattern), layout.choice
    groups = set(pattern.groupindex)
    choice.known.update(dict.fromkeys(groups - {"value", "unit"}))
    batch = Batch(tally)
    lines, others, number = Lines(stream), 0, 0
    for line in lines:
        fault = lines.take_fault()
        found = None if fault else pattern.search(line.rstrip("\r\n"))
        if fault:
            tally.bad(f"{name}:{lines.number}", f"{fault}: {clipped(line.strip())}")
        if found is None or found["value"] is None:
            others += not fault and bool(line.strip())
            continue
        group: Key | None = layout.otherwise
        if not choice.is_all:
            group = choice.group(found.groupdict().get, layout.otherwise)
        if group is None:
            continue
        try:
            value = tally.number(found["value"] + (found["unit"] or "" if "unit" in groups else ""))
        except ValueError as error:
            tally.bad(f"{name}:{lines.number}", str(error))
            continue
        batch.add(group, value)
        number += 1
    batch.flush()
    if others and not number:
        raise InputError(f"{name}: no line matches the pattern {clipped(layout.pattern)}")
    if others:
        tally.note(f"{name}: the pattern does not match {others:,} of {lines.number:,} lines")
