"""The ``historian`` command: one module for each subcommand."""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run the command line `argv` (default: that of the process) and return its exit status.

    If the reader of a pipe leaves (``historian ... | head``), the command ends quietly with status 0.  An interrupt
    ends it with status 130, as shells expect.
    """
    if sys.stderr is None:  # the parent process closed it; print() would write to standard output instead
        sys.stderr = open(os.devnull, "w")
    if sys.stdout is None:  # the parent process closed it
        print("historian: there is no standard output to write to", file=sys.stderr)
        return 1
    try:
        try:
            return _run(argv)
        finally:
            _flush()  # also after help and the version
    except BrokenPipeError:
        # The reader has left.  Python flushes again at exit and would report the error: redirect to the null device.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # the output, such as a file on a full disk; commands report errors of their input
        print(f"historian: cannot write the output: {error.strerror or error}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MemoryError:
        print("historian: there is not enough memory", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _flush() -> None:
    """Flush standard output, unless the program of ``historian run`` has closed it."""
    if sys.stdout is not None and not getattr(sys.stdout, "closed", False):
        sys.stdout.flush()


def _run(argv: list[str] | None) -> int:
    """Run the command line; return the exit status.  What commands need is imported here: it can be interrupted."""
    from .. import __version__
    from . import (
        changes,
        clear,
        compare,
        convert,
        demo,
        fanout,
        log,
        merge,
        plan,
        plot,
        profile,
        report,
        run,
        serve,
        snapshot,
        sql,
        summarize,
        top,
    )
    from ._parser import Parser

    parser = Parser(prog="historian", description="Latency histograms: percentiles instead of averages.")
    parser.add_argument("--version", action="version", version=f"historian {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, dest="command", metavar="COMMAND")
    known = (
        demo, summarize, compare, plan, fanout, plot, report, merge, convert, sql, profile, top, serve, log, changes,
        snapshot, clear, run,
    )  # fmt: skip
    for command in known:
        command.add_parser(commands)
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        commands.choices[args.command].unknown(unknown)
    status: int = args.run(args)
    return status
