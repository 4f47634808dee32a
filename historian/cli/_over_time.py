"""Histories as values, for commands that show them over time."""

from __future__ import annotations

import argparse
import os
from functools import partial

from .._history.alignment import USUAL
from .._history.sources import Selected
from ..history import History
from ._input.histories import chosen, is_history, open_history, open_log
from ._input.span import span_of
from ._input.tally import InputError, Tally
from ._near import listed
from ._options import choice_of
from ._output import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._values.key import Key

__all__ = ["histories"]


def histories(files: Sequence[str], args: argparse.Namespace, command: str, most: int) -> dict[str, History]:
    """Return the history of each group by name, or, without ``--by``, of the one recorder that was chosen.

    Those of several files, as of several machines, are added up.  Without ``--every``, intervals are merged to steps if
    there are more than `most`.  Raises InputError, OSError.
    """
    choice, span = choice_of(args), span_of(args)
    total = History()
    for file in files:
        part = chosen(_opened(file, args, command), choice, span, file)
        try:
            total += part
        except ValueError as error:
            raise InputError(f"{file}: {error}: pass --every") from None
    keys = total.keys  # all of them are looked at now
    choice.check()
    if not keys:
        raise InputError(f"{listed(files)}: nothing was recorded there")
    if span.every is None:
        total = _coarser(total, most)
    members: dict[str, set[Key]] = {}
    for key in keys:
        members.setdefault(choice.name_of(choice.of_recorder(key) or key), set()).add(key)
    if len(members) > 1 and not choice.by:
        raise InputError(f"several recorders, {listed(list(members))}: choose one with --where, or take each with --by")
    return {name: _selected(total, keys) for name, keys in members.items()}


def _selected(history: History, keys: set[Key]) -> History:
    return History._of(Selected(history._source, keys.__contains__))


def _coarser(history: History, most: int) -> History:
    """Return at most about `most` steps."""
    if len(history) <= most:
        return history
    length = history._source.ends[-1] - history._source.starts[0]
    step = next((step for step in USUAL if length / step <= most), USUAL[-1])
    return history.resample(f"{step}ns", partial="keep")


def _opened(file: str, args: argparse.Namespace, command: str) -> History:
    """Return the history in a file or folder.  Raises InputError for what has no times."""
    if os.path.isdir(file):
        return open_history(file, partial(say, command))
    if file == "-":
        raise InputError("a look over time needs the name of a file")
    with open(file, "rb") as stream:
        if is_history(stream.peek(256)):
            return open_history(file, partial(say, command))
        tally = Tally(args.unit)
        found = open_log(stream, file, tally, "a look over time")
    for message in tally.said.values():
        say(command, message)
    return found
