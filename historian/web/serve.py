"""A server of its own for metrics and for the live page: for recorders whose service has no routes, or for a script."""

from __future__ import annotations

from ._http.scrape import checked
from ._page.page import page
from .asgi import metrics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..formats.prometheus._exposition import _Source
    from ._page.watch import _Recorders
    from .asgi import _Application

__all__ = ["serve"]

PORT = 9464  # that of OpenTelemetry's exporters for Prometheus; no standard names one for others


def serve(
    *sources: _Source,
    live: _Recorders | None = None,
    host: str = "127.0.0.1",
    port: int = PORT,
    ready: Callable[[str], object] | None = None,
) -> None:
    """Serve the metrics of all sources at ``/metrics``, and a live page at ``/``, until SIGINT or SIGTERM.

    For sources see `historian.web.wsgi.metrics`.  The page shows the recorders of the registry `live`, with their
    percentiles over time; without it, there is no page.  Nothing is read while nobody asks.  Only programs on this
    machine can connect, unless `host` is another address: there is no encryption and no password.  There, a client must
    call this machine by an address or ``localhost``, or by the name in `host`.  Port 0 is any free port.  `ready` is
    called with the URL of the page, or of the metrics if there is no page, once the server listens.  Call it from the
    main thread.

    What clients can cost is limited: the size of a request, the time that it takes, and their number.  Raises OSError
    if it cannot listen, ValueError for a port that is not one, TypeError for a source or a registry that is not one.
    """
    import asyncio

    routes: dict[str, _Application] = {}
    if sources or live is None:
        routes["/metrics"] = metrics(*checked(sources))
    if live is not None:
        if not hasattr(live, "snapshot"):
            raise TypeError(f"live must be a Registry, not {type(live).__name__}")
        routes.update(page(live, str(getattr(live, "directory", None) or "recorders in memory")))
    if not host:
        raise ValueError("host must not be empty: use 0.0.0.0 or :: for all addresses of this machine")
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port < 2**16:
        raise ValueError(f"port must be a whole number in 0..65,535, not {port!r}")
    asyncio.run(_serve(routes, host, port, ready))


async def _serve(routes: dict[str, _Application], host: str, port: int, ready: Callable[[str], object] | None) -> None:
    import asyncio
    import contextlib
    import signal

    from ._http.server import Server

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # on Windows, an interrupt raises KeyboardInterrupt
            loop.add_signal_handler(number, stop.set)
    server = Server(routes)
    address, port = await server.start(host, port)
    try:
        if ready is not None:
            path = "/" if "/" in routes else "/metrics"
            ready(f"http://{f'[{address}]' if ':' in address else address}:{port}{path}")
        await stop.wait()
    finally:
        await server.end()
