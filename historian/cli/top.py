"""``historian top``: show rates and percentiles of the recorders in a directory, second by second."""

from __future__ import annotations

import argparse
import gc
import math
import shutil
import signal
import sys
import time
from functools import partial

from ._input.span import add_every, add_span, span_of
from ._input.tally import InputError
from ._options import add_command, add_format, add_percentiles, add_selection, add_trust, choice_of
from ._output import put, say
from ._source import SourceError, add_directory, open_directory
from ._top.frame import SORTS, Frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._top.past import Past
    from ._top.watch import Look, Watch

__all__ = ["add_parser", "run"]

#: Objects after which to look for cycles.  A frame makes ten objects for each recorder, and no cycles; to look for them
#: after every 700 objects, as Python does, takes a seventh of the time.
RARELY = 200_000

DESCRIPTION = """\
Show rate, percentiles and sum of all recorders in a directory, for the values
of the last interval only. On a terminal, it fills the screen until you press
q; elsewhere, it prints one frame after the other. With --format json, a frame
is a line; with csv, a row for each recorder. This command only reads: it
neither stops nor slows down the recording processes.

With --history, DIR is what `historian log` writes: a file of history or a
folder. On a terminal, the newest interval is shown, also when the next one
comes; the left and right arrows go to other times. Elsewhere, its intervals are
printed.

A percentile is shown if at least one value is above it; otherwise, '-' is
shown. The maximum of an interval is accurate to 1.1 %.
"""

EXAMPLES = """\
examples:
  historian top /dev/shm/shop
  historian top /dev/shm/shop --sort p99 --interval 10
  historian top /dev/shm/shop --count 3 > three-seconds.txt
  historian top --history shop.history --every 1m --sort p99

exit status: 0, 1 if the directory cannot be read, 2 for a wrong command line
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "top", "show the recorders in a directory, second by second", DESCRIPTION, EXAMPLES)
    add_directory(parser, "a directory of recorders")
    parser.add_argument("--history", action="store_true", help="DIR is a history: a file or a folder")
    add_span(parser)
    add_every(parser, "steps of a history, such as 1m (default: its intervals)")
    parser.add_argument(
        "--interval", metavar="S", type=_interval, default=1.0, help="seconds per frame, 0.1 to 86,400 (default: 1)"
    )
    parser.add_argument(
        "--count", metavar="N", type=_count, default=math.inf, help="end after N frames (default: never)"
    )
    parser.add_argument("--sort", choices=list(SORTS), default="rate", help="sort rows by this (default: rate)")
    add_percentiles(parser, "50,90,99,99.9")
    add_format(parser)
    add_selection(parser)
    add_trust(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Show frames; return the exit status."""
    span = span_of(args)
    if not args.history and not span.is_all:
        say("top", f"error: {span.named()} needs --history")
        return 2
    thresholds = gc.get_threshold()
    gc.set_threshold(RARELY, *thresholds[1:])
    try:
        return _run(args)
    finally:
        gc.set_threshold(*thresholds)


def _run(args: argparse.Namespace) -> int:
    from ._top.past import Past
    from ._top.watch import Watch

    try:
        watch: Watch | Past
        if args.history:
            watch = Past(args.directory, choice_of(args), span_of(args), partial(say, "top"))
        else:
            watch = Watch(open_directory(args.directory, args.trust, required=True), choice_of(args))
        frame = Frame(args.directory, args.percentiles)
        if args.format == "table" and _has_screen():
            from ._top.screen import watch_on_screen

            signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that the terminal is restored
            watch_on_screen(watch, frame, args.sort, args.interval, args.count)
        else:
            _print_frames(watch.looks(args.count) if isinstance(watch, Past) else _looks(watch, args), frame, args)
    except (SourceError, InputError) as error:
        say("top", str(error))
        return 1
    except OSError as error:
        if error.filename is None:  # an error of the output: main() reports it
            raise
        say("top", f"{error.filename}: {error.strerror}")
        return 1
    return 0


def _has_screen() -> bool:
    """Return whether input and output are a terminal that curses supports."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    try:
        import curses

        curses.setupterm()
        return curses.tigetstr("cup") is not None  # the terminal can move the cursor
    except (ImportError, curses.error):
        return False


def _looks(watch: Watch, args: argparse.Namespace) -> Iterator[Look]:
    """Yield a look after each interval."""
    watch.look()
    due, shown = time.monotonic(), 0
    while shown < args.count:
        due = max(due + args.interval, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
        yield watch.look()
        shown += 1


def _print_frames(looks: Iterator[Look], frame: Frame, args: argparse.Namespace) -> None:
    """Print a frame for each look; between tables there is an empty line."""
    records = None
    if args.format != "table":
        from ._top.records import Records

        records = Records(args.format, args.percentiles)
    for shown, look in enumerate(looks):
        if records is not None:
            put(records.text(look, args.sort))
        else:
            width = max(80, shutil.get_terminal_size().columns)
            lines = frame.lines(look, args.sort, width)
            put("\n" * bool(shown) + "".join(f"{line.text}\n" for line in lines))
        sys.stdout.flush()


def _interval(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.1 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"must be a number of seconds in 0.1..86,400, not {text!r}")
    return seconds


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:19]) == 0:
        raise argparse.ArgumentTypeError(f"must be a whole number, 1 or more, not {text!r}")
    return int(text)
