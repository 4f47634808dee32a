"""Middleware of web services: what a request costs beside middleware that does nothing, and under real servers."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import historian
from historian import Registry
from historian.web.middleware import ASGIMiddleware, WSGIMiddleware

from .figures import absolute, ratio, row
from .timing import ROUNDS, Case, interleave

if TYPE_CHECKING:
    from .peers import Peer
    from .results import Results

HERE = Path(__file__).parent
PLACES = [
    str(HERE.parent),
    str(Path(historian.__file__).parents[1]),
]  # what other processes import from
TABLE = "Requests to a web service"
REQUESTS = 200  # in a round without a server: short, since a process that is interrupted costs a round
LOAD = 250  # requests in a round with one
CONNECTIONS = 8
SERVER_ROUNDS = 60
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]}
BODY = {"type": "http.response.body", "body": b"Ada"}

#: Servers, their options, and the kind of application.
SERVERS = {
    "uvicorn": (["uvicorn", "--log-level", "error", "--no-access-log", "--fd", "{fd}"], "asgi"),
    "gunicorn, ASGI": (["gunicorn", "--log-level", "error", "-k", "asgi", "-b", "fd://{fd}"], "asgi"),
    "gunicorn, threads": (["gunicorn", "--log-level", "error", "--threads", "4", "-b", "fd://{fd}"], "wsgi"),
}


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    alone(results)
    for name, (command, kind) in SERVERS.items():
        under_a_server(results, name, command, kind)


# ---- applications ----


class NoASGI:
    """Middleware that does nothing."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


class NoWSGI:
    """Middleware that does nothing."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.app(environ, start_response)


class Route:
    """What Starlette leaves in the scope."""

    path = path_format = "/users/{id}"


ROUTE = Route()


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """Answer as a small application does."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    scope["route"] = ROUTE
    await send(START)
    await send(BODY)


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    """Answer as a small application does."""
    environ["historian.route"] = "/users/{id}"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"Ada"]


no_op_asgi, no_op_wsgi = NoASGI(asgi), NoWSGI(wsgi)
measured_asgi, measured_wsgi = ASGIMiddleware(asgi, Registry()), WSGIMiddleware(wsgi, Registry())

# ---- what the servers import: the path of a request says which middleware answers it ----

#: Processor time of each request in ns, by path.
TIMES: dict[str, list[int]] = {"/no-op": [], "/measured": []}


def medians() -> bytes:
    """Return the median of each kind since the last call, as JSON."""
    answer = json.dumps({path: statistics.median(times or [0]) for path, times in TIMES.items()}).encode()
    for times in TIMES.values():
        times.clear()
    return answer


async def timed_asgi(scope: Any, receive: Any, send: Any) -> None:
    """Answer, and keep the processor time of the application with its middleware and what it called of the server."""
    if scope["type"] == "lifespan" or scope["path"] == "/times":
        await (asgi(scope, receive, send) if scope["type"] == "lifespan" else tell(send))
        return
    app = measured_asgi if scope["path"] == "/measured" else no_op_asgi
    began = time.thread_time_ns()
    await app(scope, receive, send)
    TIMES[scope["path"]].append(time.thread_time_ns() - began)


async def tell(send: Any) -> None:
    """Send the medians."""
    body = medians()
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


def timed_wsgi(environ: Any, start_response: Any) -> list[bytes]:
    """Answer likewise; the answer is read here, as a server does."""
    if environ["PATH_INFO"] == "/times":
        start_response("200 OK", [("Content-Type", "application/json")])
        return [medians()]
    app = measured_wsgi if environ["PATH_INFO"] == "/measured" else no_op_wsgi
    began = time.thread_time_ns()
    body = app(environ, start_response)
    parts = list(body)
    if hasattr(body, "close"):
        body.close()
    TIMES[environ["PATH_INFO"]].append(time.thread_time_ns() - began)
    return parts


# ---- without a server ----


def alone(results: Results) -> None:
    """Measure calls of the middleware alone."""
    registry = Registry()
    cases = interleave(
        [
            awaited("no-op ASGI", NoASGI(asgi)),
            awaited("ASGI", ASGIMiddleware(asgi, registry)),
            called("no-op WSGI", NoWSGI(wsgi)),
            called("WSGI", WSGIMiddleware(wsgi, registry)),
        ],
        rounds=20 * ROUNDS,
    )
    for kind in ("ASGI", "WSGI"):
        case, base = cases[kind], cases[f"no-op {kind}"]
        results.add(absolute(f"{kind} middleware, over one that does nothing", 3, case, "us", 1e3, base))
    for kind in ("ASGI", "WSGI"):
        results.add(row(TABLE, "no-op middleware", f"{kind}, without a server", cases[f"no-op {kind}"]))
        results.add(row(TABLE, "historian", f"{kind}, without a server", cases[kind]))


def awaited(name: str, app: Any) -> Case:
    """Return the case of requests to an ASGI application, without an event loop."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        pass

    async def requests() -> float:
        clock, total = time.perf_counter_ns, 0
        for _ in range(REQUESTS):
            scope = {"type": "http", "method": "GET", "path": "/users/1", "headers": []}
            began = clock()
            await app(scope, receive, send)
            total += clock() - began
        return total / REQUESTS

    def run() -> float:
        try:
            requests().send(None)
        except StopIteration as end:
            return float(end.value)
        raise RuntimeError("it must not wait")

    return Case(name, run)


def called(name: str, app: Any) -> Case:
    """Return the case of requests to a WSGI application, read as servers read them."""

    def start_response(status: str, headers: Any) -> None:
        pass

    def run() -> float:
        clock, total = time.perf_counter_ns, 0
        for _ in range(REQUESTS):
            environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/users/1"}
            began = clock()
            body = app(environ, start_response)
            for _part in body:
                pass
            if hasattr(body, "close"):
                body.close()
            total += clock() - began
        return total / REQUESTS

    return Case(name, run)


# ---- with a server ----


def under_a_server(results: Results, name: str, command: list[str], kind: str) -> None:
    """Measure one server under load: rounds of requests with the middleware and without it come in turn."""
    if importlib.util.find_spec(command[0]) is None:
        results.skip(f"requests under {name}", f"{command[0]} is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        server = Server(command, f"timed_{kind}", folder)
        try:
            cases = interleave(server.cases(), rounds=SERVER_ROUNDS)
        finally:
            server.end()
    measured, base, upper = cases["measured"], cases["no-op"], kind.upper()
    results.add(
        absolute(f"{upper} middleware under {name}, processor time", 3, measured, "us", 1e3, base),
        ratio(
            f"requests under {name}: time with middleware / with no-op",
            1.05,
            cases["measured load"],
            cases["no-op load"],
        ),
        row(TABLE, "no-op middleware", f"{upper}, under {name}, processor time", base),
        row(TABLE, "historian", f"{upper}, under {name}, processor time", measured),
    )


class Server:
    """A server in a process of its own, and a process that sends requests to it."""

    def __init__(self, command: list[str], app: str, folder: str) -> None:
        self.figures: dict[str, float] = {}
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
            # uvicorn takes it for a Unix socket, and leaves this option out: each answer would wait for 40 ms.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            port, fd = listener.getsockname()[1], listener.fileno()
            # Newer versions of gunicorn create a socket in the home directory; older ones have no such option.
            Path(folder, "gunicorn.conf.py").write_text("control_socket_disable = True\n", encoding="utf-8")
            options = [part.replace("{fd}", str(fd)) for part in command]
            self.server = subprocess.Popen(
                [sys.executable, "-m", *options, f"benchmarks.middleware:{app}"],
                pass_fds=[fd], cwd=folder, env={**os.environ, "PYTHONPATH": os.pathsep.join(PLACES)},
            )  # fmt: skip
        self.load = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.middleware", str(port)],
            cwd=HERE.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def cases(self) -> list[Case]:
        """Return the cases, in ns for each request: processor time in the server, and time until the answer is there.

        All requests of a round have the same path, so code and data of the middleware are as near to the processor as
        they are in a service.
        """
        return [
            Case("no-op", lambda: self.run("/no-op")),
            Case("no-op load", lambda: self.figures["wall"]),
            Case("measured", lambda: self.run("/measured")),
            Case("measured load", lambda: self.figures["wall"]),
        ]

    def run(self, path: str) -> float:
        """Send a round of requests; return the median of their processor times, and keep the time until the answers."""
        assert self.load.stdin is not None and self.load.stdout is not None
        self.load.stdin.write(f"{path}\n")
        self.load.stdin.flush()
        self.figures = json.loads(self.load.stdout.readline())
        return self.figures[path]

    def end(self) -> None:
        """End both processes."""
        self.load.kill()
        self.load.communicate()
        self.server.terminate()
        try:
            self.server.wait(10)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()


# ---- the process that sends requests ----

REQUEST = "GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Client(asyncio.Protocol):
    """Sends a request when the answer to the one before has arrived, while there are some left."""

    request: bytes
    left = 0  # of all clients
    done: asyncio.Event

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.data = transport, b""
        self.ask()

    def ask(self) -> None:
        if Client.left > 0:
            Client.left -= 1
            self.transport.write(self.request)  # type: ignore[attr-defined]
        else:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        self.data += data
        if self.data.endswith(b"\r\n\r\nAda"):
            self.data = b""
            self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        if self.data or error:
            raise RuntimeError(f"the server has closed a connection: {error}")
        Client.open -= 1
        if not Client.open:
            Client.done.set()

    open = 0


async def send_requests(port: int, path: str) -> float:
    """Send a round of requests over several connections; return the time in ns for each."""
    Client.request = REQUEST.format(path).encode()
    Client.left, Client.open, Client.done = LOAD, CONNECTIONS, asyncio.Event()
    loop = asyncio.get_running_loop()
    began = time.perf_counter_ns()
    for _ in range(CONNECTIONS):
        await loop.create_connection(Client, "127.0.0.1", port)
    await asyncio.wait_for(Client.done.wait(), 60)
    return (time.perf_counter_ns() - began) / LOAD


def main(port: int) -> None:
    """For each path that is read, send a round of requests; print its figures as JSON."""
    for line in sys.stdin:
        wall = asyncio.run(send_requests(port, line.strip()))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/times", timeout=60) as answer:
            print(json.dumps({"wall": wall, **json.load(answer)}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
