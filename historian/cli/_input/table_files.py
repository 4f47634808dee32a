"""Files of columns, of parquet or Arrow: what their first bytes, their names and their directories tell."""

from __future__ import annotations

import os
from urllib.parse import unquote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["FILE", "OLD", "PARQUET", "STREAM", "kind_of", "partition_of", "tables_in"]

PARQUET, FILE, STREAM, OLD = "a file of parquet", "an Arrow file", "an Arrow stream", "a Feather file of version 1"

#: The first bytes of files of columns.
MAGIC = {b"PAR1": PARQUET, b"PARE": PARQUET, b"ARROW1": FILE, b"\xff\xff\xff\xff": STREAM, b"FEA1": OLD}

#: What the endings of names say.
ENDINGS = {
    ".parquet": PARQUET, ".pq": PARQUET, ".arrow": FILE, ".feather": FILE, ".ipc": FILE, ".arrows": STREAM,
}  # fmt: skip

#: Stands for a missing value in the name of a directory.
MISSING = "__HIVE_DEFAULT_PARTITION__"


def kind_of(head: bytes, name: str) -> str:
    """Return what a file that begins with these bytes is, or should be as its name says; empty if it has no columns.

    >>> kind_of(b"PAR1", "calls"), kind_of(b"12 13", "calls.arrow"), kind_of(b"12 13", "calls.txt")
    ('a file of parquet', 'an Arrow file', '')
    """
    found = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), "")
    return found or ENDINGS.get(os.path.splitext(name.lower())[1], "")


def partition_of(path: str) -> dict[str, str | None]:
    """Return the values that the directories of a path tell; None for one that is missing.

    >>> partition_of("calls/region=eu/day=2026-11-27%20a/part-0.parquet")
    {'region': 'eu', 'day': '2026-11-27 a'}
    """
    found: dict[str, str | None] = {}
    for part in path.replace(os.sep, "/").split("/")[:-1]:
        key, equals, value = part.partition("=")
        if key and equals:
            found[unquote(key)] = None if value == MISSING else unquote(value)
    return found


def tables_in(directory: str, on_error: Callable[[OSError], None]) -> Iterator[str]:
    """Yield the paths of files of columns in a directory and those below it, in the order of their names.

    Names that begin with a dot or an underscore are left out: other programs keep there what is not data.  Links to
    directories are not followed.  `on_error` gets the error of what cannot be looked at; if it returns, the others
    follow.
    """
    try:
        with os.scandir(directory) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
    except OSError as error:
        on_error(error)
        return
    for entry in entries:
        if entry.name.startswith((".", "_")):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from tables_in(entry.path, on_error)
        elif entry.name.lower().endswith(tuple(ENDINGS)):
            try:
                if entry.is_file():
                    yield entry.path
            except OSError as error:
                on_error(error)
