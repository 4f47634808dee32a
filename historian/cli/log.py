"""``historian log``: write down what the recorders of a directory count in each interval of time."""

from __future__ import annotations

import argparse
import math
import os
import re
import select
import signal

from .._history.opening import open_log, step_of
from .._history.retention import parse_tiers
from .._history.session import Session
from .._history.times import duration_text, time_text
from .._values.text import counted
from ._options import add_command, add_output, add_trust
from ._output import say
from ._readings import Readings
from ._source import SourceError, add_directory, open_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._history.session import _Log

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Write down what all recorders in a directory count in each interval of time,
until it is interrupted: the history of a service, from outside, at no cost to
it. In Python, historian.History.open(FILE) reads it, also meanwhile. Intervals
end at whole multiples of --every. The file is only appended to; a crash costs
at most the last interval, whose values then are in the next one. If FILE is
there already, the history goes on: what was counted since its end is one
interval.

With --keep, FILE is a folder, and old intervals become longer ones: counts stay
exact, only time gets coarser.
"""

EXAMPLES = """\
examples:
  historian log /dev/shm/shop -o shop.history
  historian log /dev/shm/shop -o shop-history --keep 10s:1d,1m:7d,1h:365d

exit status: 0 after SIGINT, SIGTERM or --count intervals, 1 if the directory
cannot be read or the file cannot be written, 2 for a wrong command line
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "log", "write down a directory's history", DESCRIPTION, EXAMPLES)
    add_directory(parser, "a directory of recorders")
    add_output(parser, "file to write, or folder with --keep", required=True)
    parser.add_argument(
        "--every", metavar="TIME", type=_step, default="10s",
        help="length of an interval, 1ms or more; a number is one of seconds (default: 10s)",
    )  # fmt: skip
    parser.add_argument(
        "--keep", metavar="STEP:TIME,...",
        help="how long intervals of which length are kept, the first one being --every: 10s:1d,1m:7d,1h:365d; one "
        "time keeps those of --every for so long (default: all, for ever, in one file)",
    )  # fmt: skip
    parser.add_argument("--count", metavar="N", type=_count, default=math.inf, help="end after N intervals")
    add_trust(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write intervals; return the exit status."""
    if args.output == "-":
        say("log", "error: a history needs a file: -o shop.history")
        return 2
    try:
        if args.keep is not None:
            parse_tiers(args.keep, args.every)
    except ValueError as error:
        say("log", f"error: argument --keep: {error}")
        return 2
    try:
        with _Stop() as stop:
            registry = open_directory(args.directory, args.trust, required=True)
            log = open_log(args.output, args.every, args.keep)
            try:
                return _record(Readings(registry, "log"), log, args, stop)
            finally:
                log.close()
    except (SourceError, ValueError) as error:
        say("log", str(error))
        return 1
    except OSError as error:
        say("log", _why(error, args.output))
        return 1


def _record(readings: Readings, log: _Log, args: argparse.Namespace, stop: _Stop) -> int:
    """Write intervals until there are enough, or until `stop`."""
    since = f"goes on from {time_text(log.end)}" if log.end else "begins"
    session = Session(readings.snapshot, log, args.every)
    say("log", f"{args.output} {since}, an interval every {duration_text(args.every)}; stop it with Ctrl-C")
    if session.strangers:
        say("log", f"{counted(len(session.strangers), 'recorder')} had counted before, which is not in the history")
    written, fault = 0, ""
    while written < args.count:
        if stop.wait(session.wait()):
            break
        said = ""
        try:
            written += session.look()
            problem = getattr(log, "fault", None)
            if problem is not None:
                said = f"{_why(problem, args.output)}; old intervals stay as they are until it is gone"
        except OSError as error:
            said = f"{_why(error, args.output)}; the next interval will have these values"
        if said and said != fault:
            say("log", said)
        fault = said
    else:
        return 0
    written += session.look(final=True)
    say("log", f"wrote {counted(written, 'interval')}")
    return 0


def _why(error: OSError, path: str) -> str:
    return f"{error.filename or path}: {error.strerror or error}"


class _Stop:
    """SIGINT and SIGTERM, to wait for: their handler writes to a pipe, which can be done at any moment.

    `queue.SimpleQueue` does not serve: in CPython up to 3.12, ``get`` waits for ever if its timeout is over too soon.
    """

    def __enter__(self) -> _Stop:
        self._reader, self._writer = os.pipe()
        self._handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        for number in self._handlers:
            signal.signal(number, lambda *_: os.write(self._writer, b"."))
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        os.close(self._reader)
        os.close(self._writer)

    def wait(self, seconds: float) -> bool:
        """Wait; return whether a signal came."""
        return bool(select.select([self._reader], [], [], seconds)[0])


def _step(text: str) -> int:
    try:
        return step_of(float(text) if re.fullmatch(r"[0-9.]+", text) else text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:19]) == 0:
        raise argparse.ArgumentTypeError(f"must be a whole number, 1 or more, not {text!r}")
    return int(text)
