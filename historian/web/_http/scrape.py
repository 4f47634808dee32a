"""`answer`: the answer to a scrape, for any server."""

from __future__ import annotations

import gzip
import logging
from typing import NamedTuple

from ...formats.prometheus._exposition import exposition
from .accept import accepts_gzip, chosen_format

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...formats.prometheus._exposition import _Source

__all__ = ["Answer", "answer", "checked", "plain"]

LOG = logging.getLogger("historian.web")
#: Of gzip: a fifth of the time of its default, for a fifth more bytes.
LEVEL = 1


class Answer(NamedTuple):
    """What is sent to a client."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def line(self) -> str:
        """Status and reason, as WSGI wants them."""
        return f"{self.status} {self.reason}"


def checked(sources: Sequence[_Source]) -> tuple[_Source, ...]:
    """Return the sources of metrics.  Raises TypeError unless all of them can be collected."""
    if not sources:
        raise TypeError("metrics() takes at least one source, such as Collector(historian.default_registry)")
    for source in sources:
        if not hasattr(source, "collect"):
            hint = ": pass Collector(registry), of historian.formats.prometheus" if hasattr(source, "snapshot") else ""
            raise TypeError(f"a source of metrics must have a method collect(), not {type(source).__name__}{hint}")
    return tuple(sources)


def answer(sources: Sequence[_Source], method: str, accept: str, accept_encoding: str) -> Answer:
    """Return the metrics in the format that a scraper likes best, or why they cannot be shown, as status 500.

    Such are names that Prometheus does not allow, or that come twice, and a directory that cannot be read.  Other
    errors pass.
    """
    if method not in ("GET", "HEAD"):
        return plain(405, "Method Not Allowed", "use GET or HEAD", method, ("Allow", "GET, HEAD"))
    found = chosen_format(accept)
    try:
        body = exposition(sources, found)
    except (ValueError, OSError) as error:
        LOG.error("the metrics cannot be scraped: %s", error)
        return plain(500, "Internal Server Error", f"the metrics cannot be scraped: {error}", method)
    headers = [("Content-Type", found.header), ("Vary", "Accept, Accept-Encoding")]
    if accepts_gzip(accept_encoding):
        body = gzip.compress(body, LEVEL, mtime=0)
        headers.append(("Content-Encoding", "gzip"))
    headers.append(("Content-Length", str(len(body))))
    return Answer(200, "OK", headers, b"" if method == "HEAD" else body)


def plain(status: int, reason: str, message: str, method: str = "GET", *headers: tuple[str, str]) -> Answer:
    """Return an answer of one line of text."""
    body = f"{message}\n".encode("utf-8", "replace")
    found = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), *headers]
    return Answer(status, reason, found, b"" if method == "HEAD" else body)
