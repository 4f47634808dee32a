"""Run ``historian summarize`` within this process, and read back what it counted."""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Iterable

from campaign import ACCEPTED, REFUSED, FaultError

from historian import Histogram
from historian.cli import main

#: Seconds that an input of some kilobytes may take.
PATIENCE = 20


class Command:
    """The command, and the folder that it reads from."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.output = os.path.join(folder, "out.hist")

    def summarize(self, name: str, data: bytes, *options: str) -> Histogram | str:
        """Return the histogram of a file, or the message that refuses it.  Raises FaultError for any other end."""
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(data)
        out, errors, began = io.StringIO(), io.StringIO(), time.monotonic()
        argv = ["summarize", path, "--format", "json", "-o", self.output, *options]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
                status = main(argv)
        except SystemExit as error:
            raise FaultError(f"{argv} ended with {error.code}: {errors.getvalue()}") from None
        finally:
            os.unlink(path)
        said = errors.getvalue()
        if time.monotonic() - began > PATIENCE:
            raise FaultError(f"took {time.monotonic() - began:.0f} s for {len(data)} bytes")
        if status not in (0, 1) or any(not (line.isprintable() or line.endswith("\n")) for line in said.splitlines()):
            raise FaultError(f"status {status}, messages {said!r}")
        if not os.path.exists(self.output):
            if status == 0 or not said.strip():
                raise FaultError(f"status {status}, nothing was written, and it said {said!r}")
            return said
        with open(self.output, "rb") as file:
            written = file.read()
        os.unlink(self.output)
        if status == 1 and Histogram.from_bytes(written).count:
            raise FaultError(f"status 1, but values were counted: {said!r}")
        return said if status else Histogram.from_bytes(written)


def judge(found: Histogram | str, values: Iterable[float] | None, data: bytes) -> str:
    """Compare what was counted with the values that the oracle reads; it refuses the input if they are None."""
    if isinstance(found, str):
        if values is not None and (values := list(values)):
            raise FaultError(f"refused, but it holds {values[:5]}: {found!r} {data[:2000]!r}")
        return REFUSED
    if values is None:
        raise FaultError(f"accepted, but it is to be refused: {found!r} {data[:2000]!r}")
    expected = Histogram.from_values(list(values))
    if found != expected:
        raise FaultError(f"counted {found!r}, not {expected!r}: {data[:2000]!r}")
    return ACCEPTED
