"""Recorders of a web service, and recorders over HTTP.

===========================================  ==========================================
to                                           use
===========================================  ==========================================
measure the requests of an ASGI service      `historian.web.middleware.ASGIMiddleware`
measure the requests of a WSGI service       `historian.web.middleware.WSGIMiddleware`
know the routes of Django                    `historian.web.django.name_route`
let Prometheus scrape, in a WSGI service     `historian.web.wsgi.metrics`
let Prometheus scrape, in an ASGI service    `historian.web.asgi.metrics`
serve a directory without a service          ``historian serve DIR``, `historian.web.serve`
look at recorders in a browser               the same: see `historian.web.serve.serve`
===========================================  ==========================================

The modules are imported when they are first used.
"""

__all__ = ["asgi", "django", "middleware", "serve", "wsgi"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import asgi, django, middleware, serve, wsgi
else:  # otherwise a type checker would accept every misspelt name

    def __getattr__(name: str) -> object:
        """Import a module of `__all__` when it is first used."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return import_module(f".{name}", __name__)


def __dir__() -> list[str]:
    return __all__
