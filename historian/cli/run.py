"""``historian run``: run a program, time functions of it without a change to its code, and print their profile."""

from __future__ import annotations

import argparse
import atexit
import os
import sys
import types

from .. import registry as _registry
from .._live.recorder import DISABLED
from .._values.text import printable
from ._near import did_you_mean
from ._options import add_command
from ._output import say
from ._program.execution import ProgramError, execute, find_module, find_script, report_exception
from ._program.missing import missing
from ._program.monitored import Monitored, is_available
from ._program.target import Targets, target_of
from ._program.wrapped import Namespace, Wrapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..meters import Meter
    from ._parser import Parser

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Run a Python program as python would, and print a profile when it ends: how long
each call of the functions named by --time took, what --meters measured, and
whatever the program records itself. The profile goes to standard error, also
after an exception or sys.exit; the exit status is that of the program.

FUNCTION is MODULE:NAME, such as shop.db:query, or MODULE:CLASS.METHOD; the
module of the program itself is __main__. In NAME, * stands for any text:
shop.db:* means all functions and methods that are written there.
"""

EXAMPLES = """\
examples:
  historian run --time shop.db:query --time __main__:main server.py --port 80
  historian run --time 'shop.db:*' --meters gc,gil -m shop
  historian run --dir /dev/shm/shop --meters hiccup -m gunicorn shop:app

exit status: that of the program; 2 for a wrong command line, or if the program
cannot be read
"""

#: What --meters can name, and the class of each in `historian.meters`.
METERS = {"gc": "GcPauses", "gil": "GilWait", "hiccup": "Hiccups"}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser: Parser = add_command(commands, "run", "run a program, and time its functions", DESCRIPTION, EXAMPLES)  # type: ignore[assignment]
    parser.usage = "historian run [OPTION ...] (SCRIPT | -m MODULE) [ARGUMENT ...]"
    parser.add_argument(
        "--time", metavar="FUNCTION", type=target_of, action="append", default=[],
        help="time each call of this function; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--meters", metavar="METER,...", type=_meters, default=[],
        help="measure what the runtime costs: gc, the pauses of the garbage collector; gil, the wait for the "
        "interpreter lock; hiccup, how late a thread runs",
    )  # fmt: skip
    parser.add_argument(
        "--dir", metavar="DIR", help="record in this directory, also in forked and new processes, as HISTORIAN_DIR does"
    )
    parser.add_argument(
        "--by", choices=("monitoring", "wrapping"), metavar="HOW",
        help="monitoring, by sys.monitoring, the default from Python 3.12 on; or wrapping, which replaces functions "
        "when their module is imported, and takes less time",
    )  # fmt: skip
    parser.begins_program = True
    parser.set_defaults(run=run, usage_error=parser.error)


def _meters(text: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in METERS:
            hint = did_you_mean(name, METERS) or f"; choose from {', '.join(METERS)}"
            raise argparse.ArgumentTypeError(f"there is no meter {name!r}{hint}")
    return names


def run(args: argparse.Namespace) -> int:
    """Run the program; return its exit status.  SystemExit passes, as in the program."""
    words: list[str] = args.program
    is_module = words[:1] == ["-m"]
    words = words[is_module:]
    if not words:
        args.usage_error("which module is to be run?" if is_module else "which script is to be run?")
    try:
        session = Session(args)
        session.start()
    except (OSError, ValueError, RuntimeError) as error:
        say("run", f"error: {error}")
        return 2
    try:
        code, main = (find_module if is_module else find_script)(words)
        session.main = main
        execute(code, main, session.variables)
    except ProgramError as error:
        session.cancel()
        say("run", str(error))
        return error.status
    except SystemExit:
        raise
    except BaseException as error:
        report_exception(error)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


class Session:
    """What is measured while the program runs, and reported when it ends."""

    def __init__(self, args: argparse.Namespace) -> None:
        if args.dir is not None:
            _registry.default_registry.__init__(args.dir)  # type: ignore[misc]  # nobody has used it yet
            os.environ["HISTORIAN_DIR"] = os.path.abspath(args.dir)  # for processes that the program starts
        self.registry: _registry.Registry = _registry.default_registry
        self.main: types.ModuleType | None = None
        self._targets = Targets(args.time)
        self._is_monitored = is_available() if args.by is None else args.by == "monitoring"
        if self._is_monitored and not is_available():
            raise ValueError("--by monitoring needs Python 3.12 or later: omit it")
        self._timing = (Monitored if self._is_monitored else Wrapped)(self._targets, self.registry.recorder)
        self._meters = self._made(args.meters)
        self._pid = os.getpid()

    def _made(self, names: list[str]) -> list[Meter]:
        from .. import meters

        return [getattr(meters, METERS[name])(registry=self.registry) for name in names]

    def start(self) -> None:
        """Begin to measure.  The report comes after the exit handlers of the program, since it is registered first."""
        atexit.register(self._report)
        try:
            for meter in self._meters:
                meter.start()
            if self._targets.all and not DISABLED:
                self._timing.start()
        except BaseException:
            self.cancel()
            raise

    def cancel(self) -> None:
        """End without a report."""
        atexit.unregister(self._report)
        self._stop()

    def variables(self, main: types.ModuleType) -> Namespace | dict[str, object]:
        """Return where the program keeps its variables: in `main`, either way."""
        is_changed = isinstance(self._timing, Wrapped) and "__main__" in self._targets.modules and not DISABLED
        return Namespace(main, self._timing) if is_changed else vars(main)  # type: ignore[arg-type]

    def _stop(self) -> None:
        self._timing.stop()
        for meter in self._meters:
            meter.stop()

    def _report(self) -> None:
        """Print the profile, and what has not been found; not in a forked child that ends as its parent does."""
        if os.getpid() != self._pid or sys.stderr is None or sys.stderr.closed:
            return
        self._stop()
        if DISABLED:
            say("run", "nothing is recorded, because HISTORIAN_DISABLE=1 is set")
            return
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()  # what the program has printed comes before the profile
        profile = self.registry.profile()
        print(f"\n{profile}", file=sys.stderr)
        timed = {key.name for key in profile.histograms}
        for reason in missing(self._targets, self.main, timed, is_monitored=self._is_monitored):
            print(f"historian run: {printable(reason)}", file=sys.stderr)
        sys.stderr.flush()
