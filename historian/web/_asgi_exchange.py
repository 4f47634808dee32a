"""`Exchange`: a request and its answer, between a server of ASGI and an application."""

from __future__ import annotations

from time import perf_counter_ns

from ._durations import CLIENT_DISCONNECT, Durations, error_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from typing import Any

    from ._routes import Routes

    _Scope = MutableMapping[str, Any]
    _Message = MutableMapping[str, Any]
    _Receive = Callable[[], Awaitable[_Message]]
    _Send = Callable[[_Message], Awaitable[None]]
    _Application = Callable[[_Scope, _Receive, _Send], Awaitable[None]]

__all__ = ["CONNECTIONS", "Exchange"]

#: The types of connections that are requests.
CONNECTIONS = ("http", "websocket")

DISCONNECTS = ("http.disconnect", "websocket.disconnect")

#: Messages that may end an answer, and the key in them that says that more will come.
PARTS = {
    "http.response.body": "more_body",
    "http.response.zerocopysend": "more_body",
    "http.response.pathsend": "more_body",  # a whole file: there is no more
    "http.response.trailers": "more_trailers",
    "websocket.http.response.body": "more_body",
}


class Exchange:
    """A request while it is answered.  The application gets its `receive` and `send`; `end` is called afterwards.

    It is recorded with its last part.  If that has status 500 or more, there may be an exception that the application
    has answered itself and then raises, as Starlette does; so it is recorded when the application returns.
    """

    __slots__ = (
        *("_began", "_durations", "_ended", "_exemplar", "_has_trailers", "_is_gone", "_is_recorded"),
        *("_receive", "_routes", "_scope", "_send", "_status"),
    )

    _began: int  # ns on the clock of time.perf_counter_ns
    _ended: int  # likewise; 0 until the last part has been sent
    _exemplar: tuple[tuple[str, str], ...] | None  # of the span when the answer began
    _status: int  # 0 until the answer has begun
    _has_trailers: bool
    _is_gone: bool  # the client, before the last part was sent
    _is_recorded: bool

    def __init__(self, durations: Durations, routes: Routes, scope: _Scope, receive: _Receive, send: _Send) -> None:
        self._durations, self._routes, self._scope, self._receive, self._send = durations, routes, scope, receive, send
        self._ended = self._status = 0
        self._exemplar = None
        self._has_trailers = self._is_gone = self._is_recorded = False
        self._began = perf_counter_ns()

    async def receive(self) -> _Message:
        """Return the next message of the server."""
        message = await self._receive()
        if message["type"] in DISCONNECTS and not self._ended:  # servers say so after each answer, too
            self._is_gone = True
        return message

    async def send(self, message: _Message) -> None:
        """Send a message to the server."""
        try:
            await self._send(message)
        except OSError:  # the client is gone
            self._is_gone = not self._ended
            raise
        kind = message["type"]
        if kind == "http.response.start":
            self._status, self._has_trailers = message["status"], message.get("trailers", False)
            self._exemplar = self._durations.exemplar()
        elif kind in PARTS:
            is_last = not message.get(PARTS[kind], False)
            if is_last and (kind == "http.response.trailers" or not self._has_trailers):
                self._end_answer()
        elif kind.startswith("websocket.") and not self._ended:
            self._shake_hands(kind, message)

    def end(self, error: BaseException | None) -> None:
        """Record the request, unless it has been recorded: the application has returned, or has raised an error."""
        if self._is_recorded:
            return
        is_answered = error is None or isinstance(error, Exception)  # by the server, which a cancellation may forbid
        if not self._status and is_answered and not self._is_gone:
            self._status = 500
        self._record("" if error is None else error_type(error))

    def _shake_hands(self, kind: str, message: _Message) -> None:
        if kind == "websocket.http.response.start":
            self._status = message["status"]
        elif kind in ("websocket.accept", "websocket.close"):
            self._status = 101 if kind == "websocket.accept" else 403
            self._end_answer()

    def _end_answer(self) -> None:
        if not self._ended:
            self._ended = perf_counter_ns()
            if self._status < 500:
                self._record("")

    def _record(self, error: str) -> None:
        self._is_recorded = True
        nanoseconds = (self._ended or perf_counter_ns()) - self._began
        method, route = self._scope.get("method", "GET"), self._routes.route(self._scope)
        error = CLIENT_DISCONNECT if self._is_gone else error
        exemplar = self._exemplar or self._durations.exemplar()
        self._durations.record(nanoseconds, method, route, self._status, error, exemplar)
