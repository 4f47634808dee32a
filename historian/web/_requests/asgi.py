"""`Exchange`: a request and its answer, between a server of ASGI and an application."""

from __future__ import annotations

from time import perf_counter_ns

from .durations import CLIENT_DISCONNECT, Durations, error_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from typing import Any

    from .routes import Routes

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
    "websocket.http.response.body": "more_body",
}
#: The same for an answer that has said that trailers will come.
TRAILERS = {"http.response.trailers": "more_trailers"}

#: Messages that answer the handshake of a websocket, and its status; 0 for an answer that has a status of its own.
HANDSHAKES = {"websocket.accept": 101, "websocket.close": 403, "websocket.http.response.start": 0}


class Exchange:
    """A request while it is answered.  The application gets its `receive` and `send`; `end` is called afterwards.

    It is recorded with its last part.  If that has status 500 or more, there may be an exception that the application
    has answered itself and then raises, as Starlette does; so it is recorded when the application returns.

    What each request runs is written without calls that could be spared: under a server, a function costs more than in
    a loop that does nothing else.
    """

    __slots__ = (
        *("_began", "_durations", "_ended", "_error", "_exemplar", "_parts"),
        *("_receive", "_routes", "_scope", "_send", "_status"),
    )

    _began: int  # ns on the clock of time.perf_counter_ns; 0 after the request has been recorded
    _ended: int  # likewise; 0 until the last part has been sent
    _exemplar: tuple[tuple[str, str], ...] | None  # of the span when the answer began
    _status: int  # 0 until the answer has begun
    _error: str  # empty until the client has gone away before the last part was sent
    _parts: dict[str, str]  # PARTS or TRAILERS

    def __init__(self, durations: Durations, routes: Routes, scope: _Scope, receive: _Receive, send: _Send) -> None:
        self._durations = durations
        self._routes = routes
        self._scope = scope
        self._receive = receive
        self._send = send
        self._parts = PARTS
        self._error = ""
        self._exemplar = None
        self._ended = 0
        self._status = 0
        self._began = perf_counter_ns()

    async def receive(self) -> _Message:
        """Return the next message of the server."""
        message = await self._receive()
        if message["type"] in DISCONNECTS and not self._ended:  # servers say so after each answer, too
            self._error = CLIENT_DISCONNECT
        return message

    async def send(self, message: _Message) -> None:
        """Send a message to the server."""
        try:
            await self._send(message)
        except OSError:  # the client is gone
            if not self._ended:
                self._error = CLIENT_DISCONNECT
            raise
        kind = message["type"]
        if kind == "http.response.start":
            self._status = message["status"]
            if message.get("trailers"):
                self._parts = TRAILERS
            if self._durations.has_exemplars:
                self._exemplar = self._durations.exemplar()
        elif kind in self._parts:
            more = self._parts[kind]
            if (more not in message or not message[more]) and not self._ended:
                self._ended = perf_counter_ns()
                if self._status < 500:
                    self._record("")
        elif kind in HANDSHAKES and not self._ended:
            self._status = HANDSHAKES[kind] or message["status"]
            if HANDSHAKES[kind]:
                self._ended = perf_counter_ns()
                self._record("")

    def end(self, error: BaseException | None) -> None:
        """Record the request, unless it has been recorded: the application has returned, or has raised an error."""
        if not self._began:
            return
        is_answered = error is None or isinstance(error, Exception)  # by the server, which a cancellation may forbid
        if not self._status and is_answered and not self._error:
            self._status = 500
        if not self._ended:
            self._ended = perf_counter_ns()
        self._record("" if error is None else error_type(error))

    def _record(self, error: str) -> None:
        scope = self._scope
        nanoseconds, self._began = self._ended - self._began, 0
        method = scope.get("method", "GET")  # that of a websocket
        route, error = self._routes.route(scope), self._error or error
        self._durations.record(nanoseconds, method, route, self._status, error, self._exemplar)
