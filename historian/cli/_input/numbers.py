"""Read numbers from files into a `Tally`, in bounded memory: tell the kind of a file, and read plain text."""

from __future__ import annotations

import re
from typing import BinaryIO

from ..._values.key import Key
from .choice import EVERYTHING, METRICS
from .generators import GENERATORS, Shape, guess, shape_of
from .hdr import kind_of, read_hdr
from .hist import HIST, SUFFIX, read_hist
from .layout import Layout
from .lines import BOM, chunks
from .result import RESULT, is_result, read_result
from .scrape import SCRAPE, is_scrape, read_scrape
from .sketch import is_sketch, read_sketch
from .snapshots import is_snapshot, read_snapshot
from .stream import bare, in_utf8, unpacked
from .table_files import kind_of as kind_of_table
from .tally import ALL, InputError, Tally, clipped, has_digit_groups

__all__ = ["read"]

#: The first bytes of a .npy file.
NPY = b"\x93NUMPY"

#: The first bytes of a zip archive, such as numpy's .npz.
ZIP = (b"PK\x03\x04", b"PK\x05\x06")

_COMMENT = re.compile(rb"#[^\n]*")


def read(stream: BinaryIO, name: str, layout: Layout, tally: Tally) -> None:
    """Count all numbers in a binary stream.  `name` is its file name, which appears in messages.

    The first bytes tell what it holds, then the name, then the layout.  O(size) time; memory does not grow with the
    size.  Raises InputError for bad input (unless the tally skips it), OSError if the stream cannot be read.
    """
    stream, head = unpacked(stream, name)
    stream, head = in_utf8(stream, head, name)
    plain = bare(name)
    if head.startswith(NPY) or (plain.endswith(".npy") and not head.startswith(HIST)):
        layout.refuse(name, "an array")
        from .npy import read_npy

        group = layout.group_of(name)
        if group is not None:
            read_npy(stream, name, tally, group)
    elif head.startswith(HIST) or plain.endswith(SUFFIX):
        layout.refuse(name, "a histogram")
        group = layout.group_of(name)
        if group is not None:
            read_hist(stream, name, tally, group)
    elif head.startswith(ZIP):
        what, remedy = ("a zip archive", "unpack it")
        if plain.endswith(".npz"):
            what, remedy = "an archive of arrays (.npz)", "save the array by itself, with numpy.save, as .npy"
        tally.bad(name, f"cannot read {what}: {remedy}")
    elif kind := kind_of_table(head, ""):
        from .scan import read_table

        read_table(stream, name, kind, layout, tally)
    elif is_sketch(head, plain):
        read_sketch(stream, name, layout, tally)
    elif (kind := _kind_of(head, plain, layout)) != "":
        read_hdr(stream, name, kind, layout, tally)
    else:
        _read_text(stream, head, name, layout, tally)


def _kind_of(head: bytes, plain: str, layout: Layout) -> str:
    """Return which of HdrHistogram's files this is; empty if it is none, or the user says what it is."""
    if layout.pattern or layout.generator or layout.column:
        return ""
    return kind_of(head, plain)


def _read_text(stream: BinaryIO, head: bytes, name: str, layout: Layout, tally: Tally) -> None:
    """Count all numbers in a stream of text, which begins with `head`."""
    plain = bare(name)
    if layout.pattern:
        from .pattern import read_pattern

        read_pattern(stream, name, layout, tally)
        return
    if is_scrape(head) and not layout.generator:
        layout._replace(choice=EVERYTHING).refuse(name, SCRAPE)
        read_scrape(stream, name, tally, layout.choice)
        return
    if is_result(head) and not (layout.generator or layout.column):
        layout._replace(choice=EVERYTHING).refuse(name, RESULT)
        read_result(stream, name, layout, tally)
        return
    shape = None if is_snapshot(head) else _shape_of(head, name, layout, tally)
    if shape is not None:
        layout = layout.of_shape(shape)
    elif not is_snapshot(head):
        tally.of_no_generator(name)
    if shape is not None and shape.counted:
        from .counted import read_counted

        read_counted(stream, name, layout, tally, shape.counted)
    elif (layout.field or _is_table(head, plain, layout)) and b"\r" in head.rstrip() and b"\n" not in head:
        tally.bad(f"{name}:1", "its lines end with CR only: convert them, for example with tr '\\r' '\\n'")
    elif layout.field:
        from .fields import read_json

        read_json(stream, name, layout, tally)
    elif is_snapshot(head):
        if layout.column:
            raise InputError(f"{name}: --column does not apply to a snapshot: choose recorders by --where")
        read_snapshot(stream, name, tally, layout.choice)
    elif _is_table(head, plain, layout):
        from .columns import read_csv

        read_csv(stream, name, layout, tally)
    else:
        first = head.removeprefix(BOM).lstrip()[:1]
        if first == b"{":
            from .fields import refuse_json

            refuse_json(head, name)
        layout.refuse(name, "plain numbers")
        group = layout.group_of(name)
        if group is None:
            return
        if first == b"[":
            from .fields import read_array

            read_array(stream, name, tally, group)
            return
        read_text(stream, name, tally, group)


def _shape_of(head: bytes, name: str, layout: Layout, tally: Tally) -> Shape | None:
    """Return the shape of a load generator's file: of the one that the user names, or, if nothing is told, a guess."""
    if layout.generator:
        shape = shape_of(layout.generator, head, name)
        tally.of_generator(shape.unit or GENERATORS[layout.generator].unit, name)
        return shape
    found = None if layout.is_told else guess(head)
    if found is None:
        return None
    generator, shape = found
    unit = shape.unit or GENERATORS[generator].unit
    tally.of_generator(unit, name)
    tally.note(f"read as {shape.what}{_only(shape)}, in {unit}: as --from {generator} does")
    return shape


def _only(shape: Shape) -> str:
    """Return which rows of a shape count, for a message."""
    return "".join(f", {value}" for key, value in shape.where if key in METRICS)


def _is_table(head: bytes, plain: str, layout: Layout) -> bool:
    """Return whether the name or the options say that a file is a table, and its first bytes are not JSON."""
    if plain.endswith((".csv", ".tsv")):
        return True
    return bool(layout.column or layout.header is not None) and not head.removeprefix(BOM).lstrip().startswith(b'{"')


# ---- plain text --------------------------------------------------------------------------------------


def read_text(stream: BinaryIO, name: str, tally: Tally, group: Key = ALL) -> None:
    """Count the numbers in plain text, one or more per line.  Blank lines and comments after ``#`` are skipped."""
    line = 1
    for chunk in chunks(stream):
        text = _COMMENT.sub(b"", chunk) if b"#" in chunk else chunk
        try:
            if b"_" in text:
                raise ValueError
            tally.add(list(map(float, text.split())), group)
        except ValueError:
            _read_line_by_line(text, name, line, tally, group)
        line += chunk.count(b"\n")


def _read_line_by_line(text: bytes, name: str, first: int, tally: Tally, group: Key) -> None:
    """Count the numbers in the good lines of `text`; `first` is the number of its first line."""
    values: list[float] = []
    for line, raw in enumerate(text.split(b"\n"), first):
        word = ""
        try:
            numbers = []
            for word in raw.decode().split():
                numbers.append(tally.number(word))
            values += numbers
        except UnicodeDecodeError:
            tally.bad(f"{name}:{line}", f"{clipped(raw.decode(errors='surrogateescape').strip())} is not UTF-8 text")
        except ValueError as error:
            tally.bad(f"{name}:{line}", f"{error}{_context(raw.decode().strip(), word)}")
    tally.add(values, group)


def _context(line: str, word: str) -> str:
    """Return the end of a message about a bad `word`: its line, if it has more words, and a likely remedy."""
    whole = "" if line == word else f", in {clipped(line)}"
    if line.startswith("{"):
        return f"{whole}; for JSON lines, name the field with --field"
    return f"{whole}; for csv, name the column with --column" if "," in line and not has_digit_groups(word) else whole
