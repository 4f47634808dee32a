"""`Server`: a small HTTP server for ASGI applications, made for a few clients that may be hostile.

It takes requests without a body, and closes each connection after its answer.  What one client can cost is limited:
16 KiB for the head of a request, 10 s until it has arrived, 60 s until the answer has been read, 64 KiB of an answer in
memory beside the answer itself.  So is what all of them can cost: 200 connections, 8 answers at a time.  If there are
more connections, the one that has been waiting longest without a whole request is closed.  So clients that send nothing
do not keep others out.
"""

from __future__ import annotations

import asyncio
import logging
from email.utils import formatdate
from http import HTTPStatus

from ..asgi import reply
from .hosts import Hosts
from .request import MAX_HEAD_NBYTES, Refused, Request
from .scrape import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from typing import Any

    from ..asgi import _Application

__all__ = ["Server"]

LOG = logging.getLogger("historian.web")

MAX_CONNECTIONS = 200
MAX_ANSWERS = 8  # that are made or sent at a time
HEAD_SECONDS = 10.0  # until a request has arrived
ANSWER_SECONDS = 60.0  # until its answer has been sent, waiting for others included
LINGER_SECONDS = 1.0  # for what a client still sends: to close before would take the answer from it
END_SECONDS = 5.0  # for answers that are being sent when the server ends
PIECE_NBYTES = 65_536
MISDIRECTED = "this server answers requests to localhost only: start it with --host for others"


class Server:
    """Serves applications by path; all other paths are not found.  It never reads a file.

    On a loopback address, it only answers clients that call it by a name of this machine: see `Hosts`.
    """

    def __init__(self, routes: Mapping[str, _Application]) -> None:
        self._routes = dict(routes)
        self._hosts: Hosts | None = None
        self._waiting: dict[asyncio.Task[None], asyncio.StreamWriter] = {}  # for a request, the oldest first
        self._answering: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(MAX_ANSWERS)
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Begin to listen; return the address and the port.  Raises OSError if that is not possible."""
        self._server = await asyncio.start_server(self._connected, host, port, limit=MAX_HEAD_NBYTES, backlog=512)
        found: tuple[str, int] = self._server.sockets[0].getsockname()[:2]
        self._hosts = Hosts(found[0], host)
        return found

    async def end(self) -> None:
        """Stop listening, close connections that wait, and let answers that are on their way arrive."""
        if self._server is not None:
            self._server.close()
        for task in list(self._waiting):
            task.cancel()
        if self._answering:
            await asyncio.wait(list(self._answering), timeout=END_SECONDS)
        for task in list(self._answering):
            task.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection.  This never raises: errors belong to the client, or are logged."""
        task = asyncio.current_task()
        assert task is not None
        self._waiting[task] = writer
        if len(self._waiting) + len(self._answering) > MAX_CONNECTIONS:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]  # at once: many may connect before it ends
            oldest.cancel()
        try:
            request = await _read(reader)
            self._waiting.pop(task, None)
            self._answering.add(task)
            await asyncio.wait_for(self._answer(request, _Connection(writer)), ANSWER_SECONDS)
            await asyncio.wait_for(_linger(reader, writer), LINGER_SECONDS)
        except (asyncio.CancelledError, asyncio.TimeoutError, ConnectionError, EOFError):
            pass
        except Exception:
            LOG.exception("a request failed")
        finally:
            self._waiting.pop(task, None)
            self._answering.discard(task)
            writer.transport.abort()

    async def _answer(self, request: Request | Refused, connection: _Connection) -> None:
        if isinstance(request, Refused):
            await reply(plain(*request.args), connection.send)
            return
        if self._hosts is not None and request.host is not None and not self._hosts.accept(request.host):
            await reply(plain(421, "Misdirected Request", MISDIRECTED, request.method), connection.send)
            return
        application = self._routes.get(request.path)
        if application is None:
            await reply(plain(404, "Not Found", "there is nothing here", request.method), connection.send)
            return
        async with self._turns:
            try:
                await application(_scope(request), connection.receive, connection.send)
            except ConnectionError:  # the client has left
                raise
            except Exception:
                LOG.exception("the answer to %s failed", request.path)
                if not connection.has_begun:
                    message = "the answer failed: the server has logged why"
                    await reply(plain(500, "Internal Server Error", message, request.method), connection.send)


class _Connection:
    """What an application sends to: the bytes of an answer."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.has_begun = False

    async def receive(self) -> MutableMapping[str, Any]:
        """Return the body of the request, which is empty."""
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Write a part of the answer, and wait until the client has read nearly all of it."""
        if message["type"] == "http.response.start":
            self.has_begun = True
            self._writer.write(_head(message["status"], message.get("headers", ())))
        body = message.get("body", b"")
        for at in range(0, len(body), PIECE_NBYTES):
            self._writer.write(body[at : at + PIECE_NBYTES])
            await self._writer.drain()


async def _read(reader: asyncio.StreamReader) -> Request | Refused:
    """Return a request, or why it is refused.  Raises EOFError, TimeoutError if there is none."""
    try:
        return Request.of(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS))
    except asyncio.LimitOverrunError:
        return Refused(431, "Request Header Fields Too Large", f"more than {MAX_HEAD_NBYTES:,} bytes of headers")
    except Refused as refused:
        return refused


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait until the client has read all and closes; what it still sends is thrown away."""
    await writer.drain()
    writer.write_eof()
    while await reader.read(PIECE_NBYTES):
        pass


def _head(status: int, headers: Any) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()]
    lines += [bytes(name) + b": " + bytes(value) for name, value in headers]
    lines += [b"date: " + formatdate(usegmt=True).encode(), b"connection: close", b"x-content-type-options: nosniff"]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _scope(request: Request) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": request.version,
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "query_string": request.query,
        "root_path": "",
        "headers": request.headers,
    }
