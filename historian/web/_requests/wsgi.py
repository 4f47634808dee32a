"""`answer`: a request to a WSGI application, measured until the end of the answer."""

from __future__ import annotations

from time import perf_counter_ns

from .durations import CLIENT_DISCONNECT, Durations, error_type
from .routes import wsgi_route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["answer"]


def answer(
    app: WSGIApplication, durations: Durations, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Return the answer of an application, which is recorded when the server has read or closed it."""
    exchange = Exchange(durations, environ, start_response)
    try:
        body = app(environ, exchange.start)
    except BaseException as error:
        exchange.end(error_type(error))
        raise
    wrapper = environ.get("wsgi.file_wrapper")
    if isinstance(wrapper, type) and isinstance(body, wrapper) and exchange.end_with(body):
        return body  # the server recognises it by its type
    return SizedAnswer(exchange, body) if hasattr(body, "__len__") else Answer(exchange, body)


class Exchange:
    """A request while it is answered."""

    __slots__ = (
        *("_began", "_durations", "_environ", "_exemplar", "_is_recorded", "_route", "_start_response", "_status"),
    )

    _began: int  # ns on the clock of time.perf_counter_ns
    _status: str  # three digits; empty until the answer has begun
    _route: str  # when it began
    _exemplar: tuple[tuple[str, str], ...] | None  # likewise, of the span

    def __init__(self, durations: Durations, environ: WSGIEnvironment, start_response: StartResponse) -> None:
        self._durations, self._environ, self._start_response = durations, environ, start_response
        self._status, self._is_recorded, self._route, self._exemplar = "", False, "", None
        self._began = perf_counter_ns()

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None
    ) -> Callable[[bytes], object]:
        """Begin the answer."""
        self._status = status[:3]
        if self._durations.has_exemplars:
            self._exemplar = self._durations.exemplar()
        self._route = wsgi_route(self._environ)  # Flask takes its request out of the environ before the answer is read
        if exc_info is None:
            return self._start_response(status, headers)
        return self._start_response(status, headers, exc_info)

    def end(self, error: str = "") -> None:
        """Record the request, unless it has been recorded."""
        if not self._is_recorded:
            self._is_recorded = True
            nanoseconds = perf_counter_ns() - self._began
            status = self._status or ("" if error == CLIENT_DISCONNECT else "500")
            method, route = self._environ.get("REQUEST_METHOD", ""), self._route or wsgi_route(self._environ)
            self._durations.record(nanoseconds, method, route, status, error, self._exemplar)

    def end_with(self, body: Any) -> bool:
        """Record the request when a file is closed; return whether that is possible."""
        close = getattr(body, "close", None)

        def close_and_record() -> None:
            try:
                if close is not None:
                    close()
            finally:
                self.end()

        try:
            body.close = close_and_record
        except AttributeError:
            return False
        return True


class Answer:
    """The parts of an answer."""

    __slots__ = ("_body", "_exchange", "_next")

    def __init__(self, exchange: Exchange, body: Iterable[bytes]) -> None:
        self._exchange, self._body = exchange, body
        self._next: Callable[[], bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            if self._next is None:
                self._next = iter(self._body).__next__
            return self._next()
        except StopIteration:
            self._exchange.end()
            raise
        except BaseException as error:
            self._exchange.end(error_type(error))
            raise

    def close(self) -> None:
        """Close the body.  If the server has not read it to its end, the client is gone."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._exchange.end(CLIENT_DISCONNECT)


class SizedAnswer(Answer):
    """The parts of an answer whose number is known: some servers send the length of a single one."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]
