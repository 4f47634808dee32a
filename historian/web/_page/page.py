"""`page`: the live page of a registry: an ASGI application for each of its paths.

===================  =================================================================================
path                 answers
===================  =================================================================================
``/`` and its files  the page
``/table.json``      the profile: ``sort``, ``order``, ``contains``, ``rows``, ``period``
``/recorder.json``   a recorder: ``id``, and intervals of time whose number is above ``after``
``/wait.json``       users who need several calls of a recorder: ``id``, ``n``, and the threshold ``t``
===================  =================================================================================

The page asks again each second, and stops while it is hidden.  All pages share one look at the recorders, and nothing
is read when nobody asks.  The server keeps what recorders counted in each interval, since a page that is opened, or a
recorder that is chosen, then has a past, and several pages need not keep it each: see `History` for its limits.
"""

from __future__ import annotations

import gzip
import json
import logging
from functools import partial

from .._http.accept import accepts_gzip
from .._http.request import Refused
from .._http.scrape import LEVEL, Answer, plain
from ..asgi import _header, _in_thread, reply
from .assets import assets
from .detail import Detail, detail
from .query import Query
from .table import MAX_ROWS, PERIODS, SORTS, Wanted, table
from .wait import MAX_N, wait
from .watch import Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..._values.key import Key
    from ..asgi import _Application, _Receive, _Scope, _Send
    from .assets import Asset
    from .watch import Look, _Recorders

__all__ = ["page"]

LOG = logging.getLogger("historian.web")
IDLE_SECONDS = 600.0  # after the last question, until what has been kept is forgotten
LEAST_NBYTES = 1_000  # of an answer that is compressed

#: Nothing but the page's own files may be loaded, no script may be within the page, and nothing may show it in a frame.
#: The server adds X-Content-Type-Options to all answers.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = [
    ("Content-Security-Policy", POLICY),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-cache"),
]


def page(recorders: _Recorders, title: str) -> dict[str, _Application]:
    """Return the applications of the page by path.  `title` says which recorders these are."""
    watch = Watch(recorders)
    routes: dict[str, _Application] = {path: _static(asset) for path, asset in assets().items()}
    questions = {"/table.json": _table, "/recorder.json": _recorder, "/wait.json": _wait}
    forgetting = _Forgetting(watch)
    for path, question in questions.items():
        routes[path] = _asked(partial(question, watch, title), forgetting)
    return routes


def _table(watch: Watch, title: str, text: bytes) -> dict[str, Any]:
    query = Query(text, ["sort", "order", "contains", "rows", "period"])
    wanted = Wanted(
        query.choice("sort", SORTS),
        query.choice("order", ("first", "reverse")) == "reverse",
        query.text("contains"),
        query.whole("rows", Wanted().rows, 1, MAX_ROWS),
        query.choice("period", PERIODS),
    )
    return {"title": title, "run": watch.run, **table(watch.look(), wanted)}


def _recorder(watch: Watch, title: str, text: bytes) -> dict[str, Any]:
    query = Query(text, ["id", "after"])
    id, after = query.id("id"), query.whole("after", 0, 0, 2**53)
    look, key = _found(watch, id)
    found = detail(Detail(look.totals[key], watch.intervals(key, after)))
    return {"run": watch.run, "id": id, "name": look.names[key].whole, "time": look.time, **found}


def _wait(watch: Watch, title: str, text: bytes) -> dict[str, Any]:
    query = Query(text, ["id", "n", "t"])
    id, n, threshold = query.id("id"), query.whole("n", 100, 1, MAX_N), query.text("t", "p99")
    look, key = _found(watch, id)
    return {"id": id, **wait(look.totals[key], n, threshold)}


def _found(watch: Watch, id: str) -> tuple[Look, Key]:
    look = watch.look()
    key = look.names.find(id)
    if key is None:
        raise Refused(404, "Not Found", f"there is no recorder with the id {id}")
    return look, key


class _Forgetting:
    """Gives back memory when nobody has asked for a while."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._timer: Any = None

    def later(self) -> None:
        """Begin to wait from now."""
        import asyncio

        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._watch.forget)


def _asked(question: Callable[[bytes], dict[str, Any]], forgetting: _Forgetting) -> _Application:
    """Return the application that answers a question with JSON."""

    def answer(scope: _Scope) -> Answer:
        try:
            body = json.dumps(question(scope["query_string"]), allow_nan=False, separators=(",", ":")).encode()
        except Refused as refused:
            return plain(*refused.args, scope["method"], *HEADERS)
        except OSError as error:
            LOG.error("the recorders cannot be read: %s", error)
            message = f"the recorders cannot be read: {error}"
            return plain(500, "Internal Server Error", message, scope["method"], *HEADERS)
        return _answer(scope, "application/json", body)

    async def application(scope: _Scope, receive: _Receive, send: _Send) -> None:
        forgetting.later()
        await reply(_refused(scope) or await _in_thread(lambda: answer(scope)), send)

    return application


def _static(asset: Asset) -> _Application:
    """Return the application that sends a file."""
    compressed = gzip.compress(asset.body, mtime=0)

    async def application(scope: _Scope, receive: _Receive, send: _Send) -> None:
        await reply(_refused(scope) or _answer(scope, asset.content_type, asset.body, compressed), send)

    return application


def _refused(scope: _Scope) -> Answer | None:
    if scope["method"] in ("GET", "HEAD"):
        return None
    return plain(405, "Method Not Allowed", "use GET or HEAD", scope["method"], ("Allow", "GET, HEAD"), *HEADERS)


def _answer(scope: _Scope, content_type: str, body: bytes, compressed: bytes | None = None) -> Answer:
    headers = [("Content-Type", content_type), ("Vary", "Accept-Encoding"), *HEADERS]
    if len(body) >= LEAST_NBYTES and accepts_gzip(_header(scope, b"accept-encoding")):
        body = gzip.compress(body, LEVEL, mtime=0) if compressed is None else compressed
        headers.append(("Content-Encoding", "gzip"))
    headers.append(("Content-Length", str(len(body))))
    return Answer(200, "OK", headers, b"" if scope["method"] == "HEAD" else body)
