"""A real server: gunicorn with four worker processes under load, one of which is killed meanwhile."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from outside import run

import historian
from historian import Key, Registry

pytest.importorskip("gunicorn", reason="gunicorn is not installed: pip install gunicorn")

HERE = Path(__file__).parents[1] / "helpers"
THREADS, REQUESTS = 4, 60


@pytest.fixture
def serve(tmp_path):
    """Return a function that starts gunicorn on a free port and returns (its process, port, directory)."""
    running = []

    def serve(*options):
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        folders = [str(HERE), str(Path(historian.__file__).parents[1])]
        env = {**os.environ, "HISTORIAN_DIR": str(tmp_path / "recorders"), "PYTHONPATH": os.pathsep.join(folders)}
        # By default, newer versions create a socket in the home directory; older versions do not have the option.
        (tmp_path / "gunicorn.conf.py").write_text("control_socket_disable = True\n")
        command = [sys.executable, "-m", "gunicorn", "--workers", "4", "--bind", f"fd://{listener.fileno()}", *options]
        server = subprocess.Popen(
            [*command, "--worker-tmp-dir", str(tmp_path), "web_app:application"],
            pass_fds=[listener.fileno()], env=env, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        running.append(server)
        port = listener.getsockname()[1]
        listener.close()  # gunicorn has inherited it
        return server, port, tmp_path / "recorders"

    yield serve
    for server in running:
        if server.poll() is None:
            server.terminate()  # gunicorn then ends its workers
        try:
            server.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.communicate()


@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["", "preload"])
def test_every_answered_request_is_counted_though_a_process_is_killed(serve, options):
    server, port, directory = serve(*options)
    load = subprocess.Popen(
        [sys.executable, str(HERE / "web_load.py"), str(port), str(THREADS), str(REQUESTS)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert select.select([load.stdout], [], [], 60)[0], "no answers"
        early = json.loads(load.stdout.readline())
        victim = early[-1]
        os.kill(victim, signal.SIGKILL)
        result = json.loads(load.communicate(timeout=90)[0])
    finally:
        if load.poll() is None:
            load.kill()
            load.communicate()
    assert result["answered"] >= THREADS * REQUESTS // 2
    assert set(result["processes"]) - set(early), "no process replaced the killed one"
    check_totals(directory, result)
    server.terminate()
    server.communicate(timeout=30)
    check_totals(directory, result)  # the directory outlives the server


def check_totals(directory, result):
    registry = Registry(directory)
    histograms = registry.snapshot()
    assert set(histograms) == {Key("request"), *(Key("answer", path=path) for path in ("/0", "/1"))}
    assert [path.name for path in directory.iterdir()] == ["recorders"] and registry.problems() == {}
    requests = histograms[Key("request")].count
    answers = sum(histogram.count for key, histogram in histograms.items() if key.name == "answer")
    for recorded in (requests, answers):
        # A request that was counted and not answered was in flight in the process that was killed.
        assert result["answered"] <= recorded <= result["answered"] + result["failed"]
    assert histograms[Key("request")].min >= 0.001
    status, profile, complaints = run("profile", directory)
    assert (status, complaints) == (0, "")
    assert re.search(rf"^request .* {requests:,} ", profile, re.MULTILINE)
