"""Recorders in a WSGI service: Flask, Django, gunicorn and others.

>>> from historian import Registry
>>> from historian.formats.prometheus import Collector
>>> from historian.web import wsgi
>>> registry = Registry()
>>> registry.recorder("lookup").record(0.25)
>>> application = wsgi.metrics(Collector(registry, buckets={"s": [1.0]}))
>>> environ = {"REQUEST_METHOD": "GET", "HTTP_ACCEPT": "text/plain"}
>>> (body,) = application(environ, lambda status, headers: print(status))
200 OK
>>> print(body.decode().splitlines()[2])
lookup_seconds_bucket{le="1.0"} 1.0
"""

from __future__ import annotations

from ._http.scrape import answer, checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from ..formats.prometheus._exposition import _Source

__all__ = ["metrics"]


def metrics(*sources: _Source) -> WSGIApplication:
    """Return a WSGI application that Prometheus scrapes, with the metrics of all sources.

    A source is a `historian.formats.prometheus.Collector`, a registry of prometheus_client, or anything else with a
    method ``collect``.  The application answers GET and HEAD on every path, so mount it where Prometheus looks, such as
    ``/metrics``.  It sends native histograms to a scraper that offers protobuf, otherwise OpenMetrics or plain text
    with classic buckets, compressed by gzip if the scraper accepts it.  With several processes, give them recorders in
    a directory: then any of them answers for all.

    If a recorder has a name that Prometheus does not allow, the answer is status 500, and says which name to use; the
    logger ``historian.web`` has it, too.  Raises TypeError for a source that is not one.
    """
    found = checked(sources)

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method = environ.get("REQUEST_METHOD", "GET")
        reply = answer(found, method, environ.get("HTTP_ACCEPT", ""), environ.get("HTTP_ACCEPT_ENCODING", ""))
        start_response(reply.line, reply.headers)
        return [reply.body]

    return application
