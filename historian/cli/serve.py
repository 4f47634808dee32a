"""``historian serve``: let Prometheus scrape the recorders in a directory."""

from __future__ import annotations

import argparse
import logging
import sys

from .._live.directories import read_directory
from ._options import add_command, add_trust
from ._output import say
from ._source import SourceError, add_directory, open_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._live.snapshots import Snapshot
    from ..registry import Registry

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Serve the recorders in a directory as metrics, at /metrics, until it is
interrupted. Prometheus gets native histograms if it asks for them, otherwise
OpenMetrics or plain text with classic buckets. This command only reads: it
neither stops nor slows down the recording processes. It needs the extra
"prometheus".

Only programs on this machine can connect, unless --host names another address.
There is no encryption and no password.
"""

EXAMPLES = """\
examples:
  historian serve /dev/shm/shop
  historian serve /dev/shm/shop --host 0.0.0.0 --port 8000

exit status: 0 after SIGINT or SIGTERM, 1 if the directory cannot be read, has
names that Prometheus does not allow, or the port is in use, 2 for a wrong
command line
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "serve", "let Prometheus scrape the recorders in a directory", DESCRIPTION, EXAMPLES)
    add_directory(parser, "a directory of recorders")
    parser.add_argument(
        "--host", metavar="ADDRESS", type=_host, default="127.0.0.1", help="where to listen (default: 127.0.0.1)"
    )
    parser.add_argument("--port", metavar="P", type=_port, default=9464, help="0 is any free port (default: 9464)")
    parser.add_argument(
        "--underscores", action="store_true", help="write _ for each character of a name that Prometheus does not allow"
    )
    add_trust(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve; return the exit status."""
    logging.basicConfig(format="historian serve: %(message)s", stream=sys.stderr, level=logging.WARNING)
    try:
        from ..formats.prometheus import Collector
        from ..web.serve import serve

        registry = open_directory(args.directory, args.trust, required=True)
        collector = Collector(_Readings(registry), underscores=args.underscores)
        serve(collector, host=args.host, port=args.port, ready=_say_where)
    except (SourceError, ImportError) as error:
        say("serve", str(error))
        return 1
    except ValueError as error:
        say("serve", f"{error}{'' if args.underscores else ', or pass --underscores'}")
        return 1
    except OSError as error:
        say("serve", f"cannot listen on {args.host}, port {args.port}: {error.strerror or error}")
        return 1
    return 0


class _Readings:
    """What is in a directory at the time of a scrape.  This changes and creates nothing."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._reported: set[str] = set()  # places that cannot be read

    def snapshot(self) -> Snapshot:
        """Return the histograms of all recorders; those that cannot be read are left out, which is said once."""
        snapshot, problems = read_directory(self._registry.directory or "", self._registry._trust)
        for path, problem in problems.items():
            if path not in self._reported:
                self._reported.add(path)
                say("serve", f"{problem} (left out)")
        return snapshot


def _say_where(url: str) -> None:
    say("serve", f"{url} is ready; stop it with Ctrl-C")


def _host(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError(
            "the address must not be empty; 0.0.0.0 or :: is every address of this machine"
        )
    return text


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:9]) >= 2**16:
        raise argparse.ArgumentTypeError(f"must be a whole number in 0..65,535, not {text!r}")
    return int(text)
