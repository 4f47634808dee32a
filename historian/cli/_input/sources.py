"""Read every kind of input: files, directories of recorders, directories of ``.hist`` files, standard input."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from ..._live.snapshots import Snapshot
from ..._show.names import shortened
from ..._values.key import Key
from ...histogram import Histogram
from .._bar import Bar
from .._near import did_you_mean, listed
from .._options import choice_of
from .._output import merged, say
from .._source import SourceError, holds_recorders, open_directory, read_directory
from .choice import Choice
from .hist import files_in
from .histories import holds_history, in_steps, is_history, open_history, open_log, read_history, untimed
from .layout import Layout
from .numbers import read
from .packed import DamagedError
from .span import span_of
from .table_files import kind_of as table_kind
from .table_files import tables_in
from .tally import ALL, InputError, Tally, together

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from ...formats._lines import Source

__all__ = ["STDIN", "Row", "Rows", "groups", "read_rows"]

STDIN = "<stdin>"


class Row(NamedTuple):
    """One histogram of the input."""

    name: str  # of the file, recorder or group
    key: Key
    histogram: Histogram
    is_file: bool  # whether it has the name of a file
    source: Source | None = None  # of a recorder, if all of its values come from one


class Rows(NamedTuple):
    """All that was read."""

    rows: list[Row]  # in the order in which they first appeared
    unit: str  # of all rows, unless units are mixed
    assumed: bool  # whether nothing in the input or the options told the unit
    by: tuple[str, ...]
    named: bool  # whether there are recorders, which have names, among the rows
    converted: bool  # whether buckets were converted to another unit
    skipped: int  # pieces of bad input
    problems: list[str]  # files of recorders that could not be read
    found: bool  # whether anything was read: a number, a histogram, a directory of recorders
    guessed: bool = False  # whether numbers were converted, and taken for seconds since nothing told their unit
    other: tuple[str, str] | None = None  # a histogram that is not in seconds: its unit, and where it was
    subject: str = "all"  # the name of what was read: of the column, the field, or the one recorder
    apart: bool = False  # whether each row is a thing of its own, such as a benchmark
    more_notes: tuple[str, ...] = ()  # what readers of the numbers should know, from those who read them

    def total(self) -> Histogram:
        """Return the histogram of all rows."""
        return merged([Histogram.from_values([], unit=self.unit), *(row.histogram for row in self.rows)])

    def by_key(self) -> Snapshot:
        """Return the histograms by the keys that a snapshot gives them.

        A group of ``--by name`` keeps the name, another one is named after what was read.  A file without names is
        named after itself.
        """
        files = [row.key.name for row in self.rows if row.is_file]
        short = [os.path.basename(name) or name for name in files]
        by_file = dict(zip(files, short)) if len(set(short)) == len(short) else {}
        found: dict[Key, Histogram] = {}
        sources: dict[Key, Source] = {}
        for row in self.rows:
            labels = dict(row.key.labels)
            name = row.key.name or labels.pop("name", "") or self.subject
            key = Key(by_file.get(name, name) if row.is_file else name, **labels)
            if key in found:
                found[key] = together(found[key], row.histogram, str(key))
                sources.pop(key, None)
            else:
                found[key] = row.histogram
                if row.source is not None and key == row.key:
                    sources[key] = row.source
        return Snapshot(found, sources=sources)

    def notes(self) -> list[str]:
        """Return what readers of the numbers should know."""
        converted = ["converted to another unit: percentiles of histograms are within 1.09 %"] if self.converted else []
        return [*converted, *self.more_notes]


class _Reader:
    """Reads files into a tally."""

    def __init__(
        self, args: argparse.Namespace, command: str, *, mixed: bool | str, partial: bool, output: str
    ) -> None:
        self.choice: Choice = choice_of(args)
        self._span = span_of(args)
        self.tally = Tally(args.unit, show=args.show, scale=args.scale, skip_bad=args.skip_bad, mixed=mixed)
        self.problems: list[str] = []
        self._args = args
        self._command = command
        self._partial = partial  # whether bad files of recorders are left out
        self._output = output
        self._files: set[Key] = set()  # the keys of what has no other name than its file's
        self._tables: list[tuple[str, str, Layout]] = []  # files of columns that wait, what they are, their layouts

    def read(self, file: str, group: Key) -> None:
        """Read a file or a directory; "-" is standard input.  Raises InputError."""
        shown = STDIN if file == "-" else file
        if "\0" in file:
            raise InputError(f"{file}: a name cannot hold a null byte: if names in the list end with one, pass -0")
        self._files.add(group)
        args = self._args
        layout = Layout(
            args.column or "", args.field or "", args.pattern or "", args.generator or "", args.header, self.choice,
            args.dialect or "", otherwise=group,
        )  # fmt: skip
        with self._skipping(shown):
            if file == "-":
                self.check_stdin()
                read(sys.stdin.buffer, shown, layout, self.tally)
            elif os.path.isdir(file):
                self._read_directory(file, layout)
            else:
                self._read_file(file, layout)
            if not (self.choice.by or self.choice.named or "name" in self.choice.where or os.path.isdir(file)):
                self.tally.touch(group)
        if not self.choice.by:
            self.tally.settle()

    def _read_file(self, file: str, layout: Layout) -> None:
        """Read a file, or let it wait if it has columns: threads read such files together."""
        with open(file, "rb") as stream:
            head = stream.peek(256) if stream.seekable() else b""
            kind = table_kind(head[:8], file)
            if is_history(head):
                self._read_history(file)
            elif not self._span.is_all:
                self._read_log(stream, file)
            elif kind and stream.seekable():
                self._tables.append((file, kind, layout))
            else:
                self.scan()
                read(stream, file, layout, self.tally)

    def _read_history(self, path: str) -> None:
        """Read a history: a file, or a folder of them.  Raises OSError, InputError."""
        history = open_history(path, partial(say, self._command))
        read_history(history, path, self._span, self.choice, self.tally)

    def _read_log(self, stream: BinaryIO, name: str) -> None:
        """Read the part of a log that counts.  Raises InputError if it is not a log."""
        log = open_log(stream, name, self.tally, self._span.named())
        read_history(log, name, self._span, self.choice, self.tally)

    def scan(self) -> None:
        """Count the numbers in the files of columns that wait.  Raises InputError."""
        waiting, self._tables = self._tables, []
        if not waiting:
            return
        from .scan import Scan
        from .tables import Table

        sizes = [os.path.getsize(file) if os.path.exists(file) else 0 for file, _, _ in waiting]
        opened = (partial(Table, file, file, kind, layout) for file, kind, layout in waiting)
        scan = Scan(zip(opened, sizes), self.tally, keeps=bool(self.choice.by))
        with Bar(sum(sizes), "read") as bar:
            scan.run(bar.show)
        for fault in scan.faults():
            with self._skipping(""):
                if isinstance(fault, Exception):
                    raise fault
                self.tally.bad(*fault)
        scan.give()

    @contextmanager
    def _skipping(self, shown: str) -> Iterator[None]:
        """Report what cannot be read as bad input: it is skipped, or raises InputError."""
        try:
            yield
        except DamagedError as error:
            self.tally.bad(*error.args)
        except OSError as error:
            self._cannot_read(error, shown)

    def _cannot_read(self, error: OSError, shown: str = "") -> None:
        where = shown if error.filename is None else os.fsdecode(error.filename)
        hint = _nearest_file(where) if isinstance(error, FileNotFoundError) else ""
        self.tally.bad(where, f"{error.strerror or error}{hint}")

    def _read_directory(self, directory: str, layout: Layout) -> None:
        names = os.listdir(directory)
        # To show or keep what is in an empty directory, where nothing has been recorded yet, is no error.
        found = not names
        if holds_history(names):
            self._read_history(directory)
            return
        if not self._span.is_all:
            raise InputError(f"{directory}: it has no intervals of time: {self._span.named()} is for a history")
        if holds_recorders(directory, names) or (found and self._partial):
            found = True
            self._read_recorders(directory)
        for path in files_in(directory, exclude=self._output, on_error=self._cannot_read):
            found = True
            with self._skipping(path), open(path, "rb") as stream:
                read(stream, path, layout, self.tally)
        for path in tables_in(directory, on_error=self._cannot_read):
            found = True
            with self._skipping(path):
                self._read_file(path, layout)
        if not found:
            raise InputError(f"{directory}: it holds no recorders, no .hist files, and no files of parquet or Arrow")

    def _read_recorders(self, directory: str) -> None:
        self.tally.found = True
        try:
            histograms, problems = read_directory(open_directory(directory, self._args.trust))
        except SourceError as error:
            raise InputError(str(error)) from None
        for problem in problems.values():
            if self._partial:
                self.problems.append(str(problem))
            else:
                path, _, why = str(problem).partition(": ")
                self.tally.bad(path, why)
        for key, histogram in histograms.items():
            group = self.choice.of_recorder(key)
            if group is not None:
                self.tally.add_recorder(key, histogram, f"{directory}, {key}", group, histograms.source_of(key))

    def rows(self) -> Rows:
        """Return all that was read, after `scan`; steps of time in their order, one recorder or group after another."""
        choice, tally = self.choice, self.tally
        rows = [
            Row(
                choice.name_of(untimed(key) if self._span.every else key, key.name if key in self._files else ""),
                key,
                histogram,
                key in self._files,
                tally.source_of(key),
            )
            for key, histogram in tally.histograms().items()
        ]
        if self._span.every is not None:
            rows = in_steps([row for row in rows if not row.is_file])
        return Rows(
            rows, tally.unit, tally.is_assumed, choice.by, choice.named, tally.converted, tally.skipped, self.problems,
            tally.found, tally.has_guessed, tally.other, self._subject(), tally.are_apart, tuple(tally.notes),
        )  # fmt: skip

    def _subject(self) -> str:
        args, names = self._args, self.choice.where.get("name", frozenset())
        if args.field or (args.column and not args.column.isdigit()):
            return str(args.field or args.column)
        return next(iter(names)) if len(names) == 1 else "all"

    def check_stdin(self) -> None:
        """Raise InputError unless standard input can be read to its end.  On a terminal, tell how to type numbers."""
        if sys.stdin is None:
            raise InputError("there is no standard input: name a file")
        if sys.stdin.isatty():
            say(
                self._command,
                "reading numbers from the terminal: end with Ctrl-D on a new line, or see --help for other ways",
            )
        elif os.name == "posix" and not os.get_blocking(sys.stdin.fileno()):
            # A read could return less data before the end, which would look like the end.
            raise InputError("standard input is a non-blocking pipe: put `cat |` before the command, or name a file")


def _nearest_file(path: str) -> str:
    """Return the end of a message about a file that does not exist: a file in its folder with a similar name."""
    folder, name = os.path.split(path)
    try:
        return did_you_mean(name, os.listdir(folder or "."), cutoff=0.8)
    except OSError:
        return ""


def read_rows(
    files: Iterable[str],
    args: argparse.Namespace,
    command: str,
    *,
    mixed: bool | str = False,
    partial: bool = False,
    together: bool = False,
    output: str = "",
) -> Rows:
    """Read all files; return a row for each file, recorder, or, with ``--by``, group.

    All are in one unit, unless `mixed`.  Bad files of recorders raise InputError, unless `partial`.  If `together`,
    what has no name is in one row.  The path `output` is not read as one of the files in a directory.  Says how much
    bad input was skipped.  Raises InputError, also if there was nothing to read: an idle recorder is not nothing.
    """
    reader = _Reader(args, command, mixed=mixed, partial=partial, output=output)
    first, number = "", 0
    for file in files:
        number += 1
        first = first or (STDIN if file == "-" else file)
        reader.read(file, ALL if together else Key(STDIN if file == "-" else file))
    reader.scan()
    reader.choice.check()
    rows = reader.rows()
    for message in reader.tally.said.values():
        say(command, message)
    if rows.skipped:
        what = "entry" if rows.skipped == 1 else "entries"
        say(command, f"skipped {rows.skipped:,} bad {what}; the first: {reader.tally.first}")
    if number and not rows.found and not rows.problems:
        raise InputError(f"{first}: it contains no numbers" if number == 1 else f"no numbers in {number:,} files")
    return rows


def groups(rows: Rows, file: str, *, apart: bool = False) -> dict[str, Histogram]:
    """Return the groups of a file by name; without ``--by`` the one histogram that it holds, by an empty name.

    If `apart`, each row is a group.

    Raises InputError if there are no numbers, and, without ``--by``, if there are several recorders: they would be
    mixed.
    """
    shown = STDIN if file == "-" else file
    found = {row.name: row.histogram for row in rows.rows if row.histogram.count}
    if not found:
        raise InputError(f"{shown}: it contains no numbers")
    if rows.by or apart:
        return found
    if len(found) > 1:
        names = listed(shortened(list(found), 50))
        labels = _telling([row.key for row in rows.rows if row.histogram.count])
        raise InputError(
            f"{shown}: it holds {len(found):,} recorders, {names}: choose one with --where {labels[0]}=..., or take "
            f"each with {' '.join(f'--by {label}' for label in labels)}"
        )
    return {"": next(iter(found.values()))}


def _telling(keys: list[Key]) -> list[str]:
    """Return what tells recorders apart: ``name``, and labels whose values differ among recorders of one name.

    >>> _telling([Key("query", table="users", shard="1"), Key("query", table="carts", shard="1")])
    ['table']
    """
    found = ["name"] if len({key.name for key in keys}) > 1 else []
    for label in sorted({label for key in keys for label, _ in key.labels}):
        values: dict[str, set[str]] = {}
        for key in keys:
            values.setdefault(key.name, set()).add(dict(key.labels).get(label, ""))
        if any(len(one) > 1 for one in values.values()):
            found.append(label)
    return found or ["name"]
