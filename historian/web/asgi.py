"""Recorders in an ASGI service: FastAPI, Starlette, uvicorn and others."""

from __future__ import annotations

from ._http.scrape import answer, checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from typing import Any

    from ..formats.prometheus._exposition import _Source
    from ._http.scrape import Answer

    _Scope = MutableMapping[str, Any]
    _Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    _Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    _Application = Callable[[_Scope, _Receive, _Send], Awaitable[None]]

__all__ = ["metrics"]


def metrics(*sources: _Source) -> _Application:
    """Return an ASGI application that Prometheus scrapes, with the metrics of all sources.

    It answers as that of `historian.web.wsgi.metrics` does.  The metrics are made in a thread of the event loop's
    executor, so that other requests are served meanwhile.  A websocket is refused.  Raises TypeError for a source that
    is not one.
    """
    found = checked(sources)

    async def application(scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            accept, encoding = _header(scope, b"accept"), _header(scope, b"accept-encoding")
            await reply(await _in_thread(lambda: answer(found, scope["method"], accept, encoding)), send)
        else:
            raise ValueError(f"historian.web.asgi does not know connections of type {scope['type']!r}")

    return application


async def reply(found: Answer, send: _Send) -> None:
    """Send an answer."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in found.headers]
    await send({"type": "http.response.start", "status": found.status, "headers": headers})
    await send({"type": "http.response.body", "body": found.body})


async def _live(receive: _Receive, send: _Send) -> None:
    """Follow the start and the end of a server that has no other application."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _in_thread(function: Callable[[], Answer]) -> Answer:
    import asyncio

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # another library runs the coroutine, such as trio
        return function()
    return await loop.run_in_executor(None, function)


def _header(scope: _Scope, name: bytes) -> str:
    """Return the values of a header, joined as RFC 9110 says."""
    return ", ".join(value.decode("latin-1") for key, value in scope["headers"] if bytes(key).lower() == name)
