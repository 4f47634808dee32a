"""A server of its own for metrics: for a directory of recorders whose service has no routes, or for a script."""

from __future__ import annotations

from ._scrape import checked
from .asgi import metrics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..formats.prometheus._exposition import _Source

__all__ = ["serve"]

PORT = 9464  # that of OpenTelemetry's exporters for Prometheus; no standard names one for others


def serve(
    *sources: _Source, host: str = "127.0.0.1", port: int = PORT, ready: Callable[[str], object] | None = None
) -> None:
    """Serve the metrics of all sources at ``/metrics``, until the process gets SIGINT or SIGTERM.

    For sources see `historian.web.wsgi.metrics`.  Only programs on this machine can connect, unless `host` is another
    address: there is no encryption and no password.  Port 0 is any free port.  `ready` is called with the URL once the
    server listens.  Call it from the main thread.

    What clients can cost is limited: the size of a request, the time that it takes, and their number.  Raises OSError
    if it cannot listen, ValueError for a port that is not one, TypeError for a source that is not one.
    """
    import asyncio

    found = checked(sources)
    if not host:
        raise ValueError("host must not be empty: use 0.0.0.0 or :: for all addresses of this machine")
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port < 2**16:
        raise ValueError(f"port must be a whole number in 0..65,535, not {port!r}")
    asyncio.run(_serve(found, host, port, ready))


async def _serve(sources: tuple[_Source, ...], host: str, port: int, ready: Callable[[str], object] | None) -> None:
    import asyncio
    import contextlib
    import signal

    from ._server import Server

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # on Windows, an interrupt raises KeyboardInterrupt
            loop.add_signal_handler(number, stop.set)
    server = Server({"/metrics": metrics(*sources)})
    address, port = await server.start(host, port)
    if ready is not None:
        ready(f"http://{f'[{address}]' if ':' in address else address}:{port}/metrics")
    await stop.wait()
    await server.end()
