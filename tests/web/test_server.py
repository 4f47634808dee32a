"""The server of ``historian serve``: requests that are wrong, slow, huge or many, and how it ends."""

import asyncio
import contextlib
import os
import socket
import threading
import time
import urllib.request

import pytest
from http_server import PATIENCE, Running, read_all, status_of
from hypothesis import given
from hypothesis import strategies as st

from historian import Registry
from historian.web import asgi
from historian.web._http import server as http_server
from historian.web._http.hosts import Hosts
from historian.web._http.request import MAX_HEAD_NBYTES, MAX_HEADERS, Refused, Request
from historian.web.serve import serve

resource = pytest.importorskip("resource")  # not on Windows
pytest.importorskip("prometheus_client")
from historian.formats.prometheus import Collector  # noqa: E402

GET = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


def is_alive(running):
    return running.ask(GET).startswith(b"HTTP/1.1 200 OK\r\n")


def lookups():
    registry = Registry()
    registry.recorder("lookup").record(0.25)
    return asgi.metrics(Collector(registry))


@pytest.fixture
def running():
    found = Running({"/metrics": lookups()})
    yield found
    found.end()


# ---- requests ----


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (GET, 200),
        (b"GET /metrics HTTP/1.0\r\n\r\n", 200),
        (b"GET /metrics?name=x HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        (b"GET /%6detrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        (b"GET http://localhost/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", 200),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /metrics/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET //metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /metrics/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /recorders HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /\xff%ff%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: ::1\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9464\r\n\r\n", 200),
        (b"GET /metrics HTTP/1.1\r\nHost: [::1]:9464\r\n\r\n", 200),
        (b"GET /metrics HTTP/1.1\r\nHost: example.org\r\n\r\n", 421),
        (b"GET /metrics HTTP/1.1\r\nHost: localhost.example.org:9464\r\n\r\n", 421),
        (b"GET /metrics HTTP/1.1\r\nHost:\r\n\r\n", 421),
        (b"GET http://example.org/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 421),
        (b"GET http://localhost@example.org/metrics HTTP/1.0\r\n\r\n", 421),
        (b"GET /metrics HTTP/1.0\r\nHost: example.org\r\n\r\n", 421),
        (b"HEAD /none HTTP/1.0\r\nHost: example.org\r\n\r\n", 421),
        (b"GET /metrics\r\n\r\n", 400),
        (b"GET  /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /metrics HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET /metrics FTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"G\x00T /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost localhost\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nA: b\nC: d\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\nHost: localhost\n\n\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # the beginning of TLS
        (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * MAX_HEADERS + b"\r\n", 431),
        (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nA: " + b"b" * MAX_HEAD_NBYTES + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
        (b"A" * 10_000_000, 431),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else value,
)
def test_requests_and_their_answers(running, request_, status):
    answer = running.ask(request_)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert status_of(answer) == status
    assert b"connection: close" in head
    assert f"content-length: {len(body)}".encode() in head or (request_.startswith(b"HEAD") and body == b"")
    assert b"root:" not in body and b"\x89HSTRN" not in body
    assert is_alive(running)


def test_head_has_no_body(running):
    answer = running.ask(GET.replace(b"GET", b"HEAD"))
    assert answer.endswith(b"\r\n\r\n") and status_of(answer) == 200
    for path in (b"/", b"/metrics/x"):
        answer = running.ask(b"HEAD " + path + b" HTTP/1.0\r\n\r\n")
        assert answer.endswith(b"\r\n\r\n") and status_of(answer) == 404


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: f"GET {text} HTTP/1.1\r\nHost: x".encode()))
def test_any_bytes_are_a_request_or_refused(head):
    try:
        found = Request.of(head + b"\r\n\r\n")
    except Refused as refused:
        status, reason, message = refused.args
        assert 400 <= status < 600 and (reason + message).isascii()
    else:
        assert found.path.startswith("/") or found.path == "*"
        assert all(name == name.lower() for name, _ in found.headers)


def test_mutated_requests_do_no_harm(running):
    import random

    seeded = random.Random(20)
    valid = GET.replace(b"\r\n\r\n", b"\r\nAccept: text/plain;q=0.5,*/*\r\nAccept-Encoding: gzip\r\n\r\n")
    for _ in range(300):
        data = bytearray(valid)
        for _ in range(seeded.randint(1, 8)):
            at = seeded.randrange(len(data))
            data[at : at + seeded.randint(0, 3)] = seeded.randbytes(seeded.randint(0, 4))
        with running.connect() as client:
            client.sendall(bytes(data))
            client.shutdown(socket.SHUT_WR)  # without an end of the head, the server need not wait
            answer = read_all(client)
        assert answer == b"" or status_of(answer) in (200, 400, 404, 405, 421, 431, 505)
    assert is_alive(running)


@pytest.mark.parametrize(
    ("address", "host", "accepted", "refused"),
    [
        ("127.0.0.1", "127.0.0.1", "localhost LOCALHOST:1 localhost. a.localhost 127.9.9.9 [::1]", "1.2.3.4"),
        ("::1", "::1", "[::1] [::1]:80 [::ffff:127.0.0.1] localhost", "::1:2:3 [::2] localhost:x"),
        ("127.0.0.1", "build.example", "build.example Build.Example:9464 127.0.0.1", "a.build.example example"),
        ("127.0.0.1", "127.0.0.1", "localhost", "127.0.0.1.example.org localhost@example.org 127.1 localhost:8:8"),
        ("0.0.0.0", "0.0.0.0", "example.org 1.2.3.4:80 localhost", ""),  # other machines may connect anyway
    ],
)
def test_names_by_which_a_server_may_be_called(address, host, accepted, refused):
    hosts = Hosts(address, host)
    assert [name for name in accepted.split() if not hosts.accept(name)] == []
    assert [name for name in refused.split() if hosts.accept(name)] == []
    assert Hosts("127.0.0.1", "127.0.0.1").accept("") is False


# ---- slow and many clients ----


def test_a_client_that_sends_no_request_is_closed(running, monkeypatch):
    monkeypatch.setattr(http_server, "HEAD_SECONDS", 0.3)
    with running.connect() as silent, running.connect() as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\n")
        assert read_all(silent) == read_all(slow) == b""  # closed, or this waits for ever
    assert is_alive(running)


def test_a_drop_at_a_time_does_not_prolong_it(running, monkeypatch):
    monkeypatch.setattr(http_server, "HEAD_SECONDS", 0.5)
    with running.connect() as client, pytest.raises(ConnectionError):  # once it is closed
        while True:
            client.sendall(b"x")
            time.sleep(0.01)


def test_a_thousand_connections_do_not_keep_others_out(running):
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert files >= 256 or files == resource.RLIM_INFINITY
    number = 1000 if files > 1500 else 600
    before = threading.active_count()
    clients = [running.connect() for _ in range(number)]
    try:
        for client in clients[::2]:
            with contextlib.suppress(ConnectionError):
                client.sendall(b"GET /metrics HTTP/1.1\r\n")
        assert is_alive(running)
        assert threading.active_count() <= before + 40  # those of the executor
        server = running.server
        assert len(server._waiting) + len(server._answering) <= http_server.MAX_CONNECTIONS + 1
    finally:
        for client in clients:
            client.close()
    assert is_alive(running)


def test_clients_that_do_not_read_are_limited_and_closed(monkeypatch):
    monkeypatch.setattr(http_server, "ANSWER_SECONDS", 1.0)
    pieces = []

    async def large(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1000):  # more than the buffers of both ends
            await send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": True})
            pieces.append(1)

    running = Running({"/large": large, "/metrics": lookups()})
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(http_server.MAX_ANSWERS):
                stack.enter_context(running.connect()).sendall(GET.replace(b"metrics", b"large"))
            assert is_alive(running) or is_alive(running)  # after the others have been closed, at the latest
            assert len(pieces) < 100 * http_server.MAX_ANSWERS  # they waited for the clients
    finally:
        running.end()


def test_clients_that_leave_do_no_harm(running, caplog):
    for data in (b"", b"GET", GET, GET * 100):
        for _ in range(20):
            with running.connect() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # a reset
                client.sendall(data)
    assert is_alive(running)
    assert "Traceback" not in caplog.text


def test_an_application_that_fails_is_answered_and_logged(caplog):
    async def broken(scope, receive, send):
        raise ZeroDivisionError("a mistake")

    async def broken_later(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
        raise ZeroDivisionError("a mistake")

    running = Running({"/a": broken, "/b": broken_later, "/metrics": lookups()})
    try:
        answer = running.ask(b"GET /a HTTP/1.0\r\n\r\n")
        assert status_of(answer) == 500 and b"mistake" not in answer
        assert running.ask(b"GET /b HTTP/1.0\r\n\r\n").endswith(b"\r\n\r\n")  # cut short, so the client notices
        assert caplog.text.count("ZeroDivisionError: a mistake") == 2
        assert is_alive(running)
    finally:
        running.end()


def test_an_answer_that_is_being_sent_arrives_when_the_server_ends():
    begun = threading.Event()

    async def slow(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        begun.set()
        await asyncio.sleep(0.3)
        await send({"type": "http.response.body", "body": b"whole"})

    running = Running({"/slow": slow})
    with running.connect() as client, running.connect() as idle:
        client.sendall(GET.replace(b"metrics", b"slow"))
        assert begun.wait(PATIENCE)
        running.end()
        assert read_all(client).endswith(b"\r\n\r\nwhole")
        assert read_all(idle) == b""


# ---- serve() ----


def test_serve_refuses_wrong_arguments():
    collector = Collector(Registry())
    for port in (-1, 65_536, "80", True, 1.5):
        with pytest.raises(ValueError, match="port must be a whole number"):
            serve(collector, port=port)
    with pytest.raises(ValueError, match="host must not be empty"):
        serve(collector, host="")
    with pytest.raises(TypeError, match="at least one source"):
        serve()
    with pytest.raises(TypeError, match="live must be a Registry, not list"):
        serve(live=[])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="address already in use"):
            serve(collector, port=taken.getsockname()[1])


def test_serve_says_where_and_ends_by_a_signal():
    import signal

    asked = []

    def ready(url):
        def ask():
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                asked.append(answer.read())
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=ask, daemon=True).start()

    for host in ("127.0.0.1", "::1") if socket.has_ipv6 else ("127.0.0.1",):
        registry = Registry()
        registry.recorder("lookup").record(0.25)
        try:
            serve(Collector(registry), host=host, port=0, ready=ready)
        except OSError:
            assert host == "::1"  # this machine has no such address
            continue
        assert b"lookup_seconds_count 1.0" in asked.pop()
        serve(live=registry, host=host, port=0, ready=ready)
        assert b"<title>historian</title>" in asked.pop()
