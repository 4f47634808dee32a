"""The middleware under real servers, with clients in other threads: uvicorn and gunicorn, ASGI and WSGI."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

import historian
from historian import Registry

pytest.importorskip("gunicorn", reason="gunicorn is not installed: pip install gunicorn")

HERE = Path(__file__).parents[1] / "helpers"
PATIENCE = 60  # seconds until something that must happen has happened
QUIET = ["--log-level", "critical"]
#: Commands of servers that use a socket that is there already, and the application.
SERVERS = {
    "uvicorn": ["uvicorn", *QUIET, "--no-access-log", "--fd", "{fd}", "measured_app:asgi"],
    "gunicorn ASGI": ["gunicorn", *QUIET, "-k", "asgi", "-w", "2", "-b", "fd://{fd}", "measured_app:asgi"],
    "gunicorn sync": ["gunicorn", *QUIET, "-w", "2", "-b", "fd://{fd}", "measured_app:wsgi"],
    "gunicorn threads": ["gunicorn", *QUIET, "--threads", "4", "-b", "fd://{fd}", "measured_app:wsgi"],
}


class Service:
    """A server in a process of its own, and what it has recorded."""

    def __init__(self, folder, command):
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port, fd = listener.getsockname()[1], listener.fileno()
        folders = [str(HERE), str(Path(historian.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        # By default, newer versions create a socket in the home directory; older versions do not have the option.
        (folder / "gunicorn.conf.py").write_text("control_socket_disable = True\n")
        self.process = subprocess.Popen(
            [sys.executable, "-m", *(part.replace("{fd}", str(fd)) for part in command)],
            pass_fds=[fd], cwd=folder,
            env={**os.environ, "HISTORIAN_DIR": str(folder / "recorders"), "PYTHONPATH": os.pathsep.join(folders)},
        )  # fmt: skip
        listener.close()  # the server has inherited it
        self.registry = Registry(folder / "recorders")

    def get(self, path):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def begin(self, request):
        """Send a request, and return the socket when the answer has begun."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        client.sendall(request)
        return client, client.recv(4096)

    def wait_for(self, *labels, count=1):
        """Return the histogram of a route, a status and an error as soon as it holds so many values."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = self.registry.snapshot().select(
                "http.server.request.duration",
                **dict(zip(("http.route", "http.response.status_code", "error.type"), labels)),
            )
            if found.total().count >= count:
                return found.total()
            time.sleep(0.01)
        raise AssertionError(f"{labels} was not recorded: {dict(self.registry.snapshot())}")

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module", params=SERVERS)
def service(request, tmp_path_factory):
    if SERVERS[request.param][0] == "uvicorn":
        pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install uvicorn")
    found = Service(tmp_path_factory.mktemp("service"), SERVERS[request.param])
    yield found
    found.end()


def test_each_answered_request_is_recorded_once(service):
    answers = []

    def work(number):
        answers.extend(service.get(f"/{number % 2}/{number}/{n}") for n in range(25))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [(200, b"Ada Ada ")] * 200
    for route in ("/0", "/1"):
        # A client may have the answer before it is recorded.
        assert service.wait_for(route, "200", "", count=100).count == 100


def test_a_streamed_answer_is_measured_to_its_end(service):
    assert service.get("/slow") == (200, b"Ada Ada ")
    assert service.wait_for("/slow", "200", "").min >= 0.04


def test_an_exception(service):
    status, _ = service.get("/broken")
    assert status == 500
    assert service.wait_for("/broken", "500", "LookupError").count == 1


def test_a_client_that_goes_away(service):
    client, begin = service.begin(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
    assert begin.startswith(b"HTTP/1.1 200 OK\r\n")
    client.close()
    assert service.wait_for("/endless", "200", "client_disconnect").count == 1


HANDSHAKE = (
    b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.mark.parametrize("service", ["uvicorn", "gunicorn ASGI"], indirect=True)
def test_the_handshake_of_a_websocket(service, request):
    if request.node.callspec.params["service"] == "uvicorn":
        pytest.importorskip("websockets", reason="uvicorn needs websockets: pip install websockets")
    client, begin = service.begin(HANDSHAKE)
    with client:
        assert begin.startswith(b"HTTP/1.1 101 ")
        assert service.wait_for("/echo", "101", "").count == 1  # while it is open
