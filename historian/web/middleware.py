"""How long the requests to a web service take, by method, route and status: middleware for ASGI and WSGI.

>>> from historian import Registry
>>> from historian.web.middleware import WSGIMiddleware
>>> def application(environ, start_response):
...     environ["historian.route"] = "/users/{id}"  # Flask, Starlette and FastAPI need no such line
...     start_response("200 OK", [])
...     return [b"Ada"]
>>> registry = Registry()
>>> measured = WSGIMiddleware(application, registry)
>>> list(measured({"REQUEST_METHOD": "GET", "PATH_INFO": "/users/1"}, lambda status, headers: None))
[b'Ada']
>>> for key, histogram in registry.snapshot().items():
...     print(histogram.count, dict(key.labels))
1 {'error.type': '', 'http.request.method': 'GET', 'http.response.status_code': '200', 'http.route': '/users/{id}'}

Both record seconds in the recorders ``http.server.request.duration`` of a registry, with the labels of OpenTelemetry's
semantic conventions:

=============================  ==========================================================================
label                          value
=============================  ==========================================================================
``http.request.method``        the method; ``_OTHER`` for one that no standard names
``http.route``                 the template of the route, such as ``/users/{id}``; empty if none matched
``http.response.status_code``  the status, such as ``404``; empty if the client left before there was one
``error.type``                 the exception; without one, a status from 500 on; ``client_disconnect``
=============================  ==========================================================================

A path never becomes a label, since clients choose it.  A request ends when the last byte of the answer has been given
to the server, or when the client is gone.
"""

from __future__ import annotations

from ._asgi_exchange import CONNECTIONS, Exchange
from ._durations import Durations
from ._routes import Routes
from ._wsgi_exchange import answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from ..registry import Registry
    from ._asgi_exchange import _Application, _Receive, _Scope, _Send

__all__ = ["ASGIMiddleware", "WSGIMiddleware"]


class ASGIMiddleware:
    """Measures the requests to an ASGI application: Starlette, FastAPI, Django and others.

    ``app.add_middleware(ASGIMiddleware)``, or ``app = ASGIMiddleware(app)`` around any application.  `registry` is
    `historian.default_registry` unless another one is given.  Label sets beyond `max_series` are counted together, see
    `historian.Family`.  With `status_class`, a status is ``2xx``, ``4xx`` and so on, for fewer recorders.  With
    `exemplars`, each request is recorded with the ids of OpenTelemetry's span that is current when its answer begins:
    see `Histogram.exemplars`.  OpenTelemetry's own middleware may be around this one or within.

    The routes of Starlette and FastAPI are known, with the mounts and the included routers that lead to them.  For
    Django, see `historian.web.django`.  Others name theirs themselves: ``scope["historian.route"] = "/users/{id}"``.

    A streamed answer is measured until its last part has been sent.  Work after that, such as a background task, does
    not count.  Of a websocket, the handshake is measured: until it is accepted, with status 101, or refused.  How long
    it stays open is not a time that somebody waits.  Exceptions pass, and without an answer their status is 500.
    Lifespan passes.  Raises ValueError if the registry has such recorders with other arguments.
    """

    __slots__ = ("_app", "_durations", "_routes")

    def __init__(
        self,
        app: _Application,
        registry: Registry | None = None,
        *,
        max_series: int = 2000,
        status_class: bool = False,
        exemplars: bool = False,
    ) -> None:
        self._app, self._routes = app, Routes()
        self._durations = Durations(registry, max_series, status_class, exemplars)

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Pass a connection on, and measure it if it is a request."""
        if scope["type"] not in CONNECTIONS:
            await self._app(scope, receive, send)
            return
        exchange = Exchange(self._durations, self._routes, scope, receive, send)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except BaseException as error:
            exchange.end(error)
            raise
        exchange.end(None)  # what has been recorded already is not recorded again


class WSGIMiddleware:
    """Measures the requests to a WSGI application: Flask, Django and others.

    ``app.wsgi_app = WSGIMiddleware(app.wsgi_app)`` in Flask, ``application = WSGIMiddleware(application)`` elsewhere.
    The arguments are those of `ASGIMiddleware`.

    The routes of Flask are known; for Django see `historian.web.django`.  Others name theirs themselves:
    ``environ["historian.route"] = "/users/{id}"``.

    An answer is measured until its last part has been sent.  If the server closes it before, the client is gone.  Files
    that the server sends by itself (``wsgi.file_wrapper``) remain so.
    """

    __slots__ = ("_app", "_durations")

    def __init__(
        self,
        app: WSGIApplication,
        registry: Registry | None = None,
        *,
        max_series: int = 2000,
        status_class: bool = False,
        exemplars: bool = False,
    ) -> None:
        self._app, self._durations = app, Durations(registry, max_series, status_class, exemplars)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass a request on, and measure it."""
        return answer(self._app, self._durations, environ, start_response)
