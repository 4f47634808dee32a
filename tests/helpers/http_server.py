"""The server of ``historian serve`` in a thread of this process, and what it answers to bytes."""

import asyncio
import contextlib
import socket
import threading

from historian.web._http.server import Server

PATIENCE = 60.0  # seconds until something that must happen has happened


class Running:
    """A server in a thread."""

    def __init__(self, routes):
        self.loop = asyncio.new_event_loop()
        self.server = None
        self.thread = threading.Thread(target=self._run, args=(routes,), daemon=True)
        self._started = threading.Event()
        self.thread.start()
        assert self._started.wait(PATIENCE)

    def _run(self, routes):
        asyncio.set_event_loop(self.loop)
        self.server = Server(routes)
        self.address = self.loop.run_until_complete(self.server.start("127.0.0.1", 0))
        self._started.set()
        self.loop.run_forever()
        self.loop.run_until_complete(self.server.end())
        left = asyncio.all_tasks(self.loop)
        self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    def end(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()

    def connect(self):
        return socket.create_connection(self.address, timeout=PATIENCE)

    def ask(self, request):
        """Return all that the server answers to a request."""
        with self.connect() as client:
            with contextlib.suppress(ConnectionError):  # it may refuse before all has been sent
                client.sendall(request)
            return read_all(client)


def read_all(client):
    parts = []
    with contextlib.suppress(ConnectionError):
        while part := client.recv(65_536):
            parts.append(part)
    return b"".join(parts)


def status_of(answer):
    return int(answer.split(b" ")[1]) if answer else None
