"""``historian serve``: a live page of the recorders in a directory, and their metrics for Prometheus."""

from __future__ import annotations

import argparse
import logging
import sys

from ._options import add_command, add_trust
from ._output import say
from ._readings import Readings
from ._source import SourceError, add_directory, open_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import Metric

    from ..formats.prometheus import Collector

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Serve the recorders in a directory until it is interrupted: a page to look at
with a browser, at /, and metrics for Prometheus, at /metrics. The page shows
the profile, percentiles over time, and what they become for users who need
several calls. Prometheus gets native histograms if it asks for them, otherwise
OpenMetrics or plain text with classic buckets; this needs the extra
"prometheus". This command only reads, and only when it is asked: it neither
stops nor slows down the recording processes.

Only programs on this machine can connect, unless --host names another address.
There is no encryption and no password.
"""

EXAMPLES = """\
examples:
  historian serve /dev/shm/shop
  historian serve /dev/shm/shop --host 0.0.0.0 --port 8000

exit status: 0 after SIGINT or SIGTERM, 1 if the directory cannot be read or the
port is in use, 2 for a wrong command line
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "serve", "show a directory to browsers and Prometheus", DESCRIPTION, EXAMPLES)
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
        from ..web.serve import serve

        registry = open_directory(args.directory, args.trust, required=True)
        readings = Readings(registry, "serve")
        sources = _sources(readings, args.underscores)
        more = "" if not sources or isinstance(sources[0], _Later) else ", with /metrics for Prometheus"
        serve(
            *sources, live=readings, host=args.host, port=args.port,
            ready=lambda url: say("serve", f"{url} is ready{more}; stop it with Ctrl-C"),
        )  # fmt: skip
    except SourceError as error:
        say("serve", str(error))
        return 1
    except OSError as error:
        say("serve", f"cannot listen on {args.host}, port {args.port}: {error.strerror or error}")
        return 1
    return 0


def _sources(readings: Readings, underscores: bool) -> list[Collector | _Later]:
    """Return what Prometheus scrapes; nothing if prometheus_client is missing.

    That is said, and so is a name that Prometheus does not allow.  The page is there all the same.
    """
    try:
        from ..formats.prometheus import Collector

        return [Collector(readings, underscores=underscores)]
    except ImportError as error:
        say("serve", f"there is no /metrics: {error}")
        return []
    except ValueError as error:
        say("serve", f"/metrics will answer with an error: {error}{'' if underscores else ', or pass --underscores'}")
        return [_Later(readings, underscores)]


class _Later:
    """Metrics that cannot be scraped now, since a recorder has a name that is not legal; later, it may be gone."""

    def __init__(self, readings: Readings, underscores: bool) -> None:
        self._readings, self._underscores = readings, underscores

    def collect(self) -> Iterable[Metric]:
        """Return the metrics.  Raises ValueError."""
        from ..formats.prometheus import Collector

        return Collector(self._readings, underscores=self._underscores).collect()


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
