"""The ``historian`` command: one module to a subcommand."""

from __future__ import annotations

import argparse
import os
import sys

from .. import __version__
from . import clear, compare, demo, fanout, merge, profile, snapshot, summarize, top

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run the command line `argv` (default: the process' own) and return its exit status.

    A closed pipe (``historian ... | head``) ends it quietly, an interrupt with status 130, as shells expect.
    """
    if sys.stderr is None:  # closed by whoever started us; print would write to standard output in its place
        sys.stderr = open(os.devnull, "w")
    parser = argparse.ArgumentParser(
        prog="historian", description="Latency histograms: percentiles instead of averages."
    )
    parser.add_argument("--version", action="version", version=f"historian {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in (demo, summarize, compare, fanout, merge, profile, top, snapshot, clear):
        command.add_parser(commands)
    args = parser.parse_args(argv)
    if sys.stdout is None:  # closed by whoever started us
        print("historian: there is no standard output to write to", file=sys.stderr)
        return 1
    try:
        status: int = args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has left. Python would complain once more when it flushes at exit: give it somewhere to write.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # such as a full disk under a redirection; commands report what they read themselves
        print(f"historian: cannot write the output: {error.strerror or error}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return status
