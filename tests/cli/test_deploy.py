"""The question of a deploy, asked of a service under load: did it become slower."""

import contextlib
import http.client
import importlib.util
import json
import signal
import subprocess
import sys
import threading
from datetime import datetime, timezone
from pathlib import Path

import pytest
from outside import historian
from waiting import PATIENCE, until

from historian import History

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")

SERVICE = Path(__file__).parents[1] / "helpers" / "slow_service.py"
CLIENTS, PERIODS = 3, 15


@contextlib.contextmanager
def service(directory, milliseconds):
    """Run a version of the service; yield its port."""
    command = [sys.executable, str(SERVICE), str(directory), str(milliseconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(PATIENCE)


@contextlib.contextmanager
def load(port):
    """Send requests, one after the other from each client, until the block ends; yield their number."""
    stop, sent = threading.Event(), [0] * CLIENTS

    def client(number):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
            while not stop.is_set():
                connection.request("GET", "/")
                assert connection.getresponse().read() == b"ok"
                sent[number] += 1

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield sent
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE)


@contextlib.contextmanager
def logging(directory, path):
    """Run ``historian log``; it is killed if the test fails."""
    command = [sys.executable, "-m", "historian", "log", directory, "-o", path, "--every", "50ms"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()  # which does nothing once it has ended


def filled(path):
    """Return the number of intervals in which requests were counted."""
    try:
        return sum(one.count > 0 for one in History.open(path).histograms)
    except (FileNotFoundError, ValueError):  # it is there, but its header is not written yet
        return 0


def now():
    return datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")


def test_a_slower_version_is_found_in_the_log_of_a_service_under_load(tmp_path):
    directory, path = tmp_path / "shop", tmp_path / "shop.history"
    sent = 0
    with contextlib.ExitStack() as stack:
        with service(directory, 2) as port, load(port) as first:
            until(lambda: sum(first) > 10)  # then the directory is there
            log = stack.enter_context(logging(directory, path))
            until(lambda: filled(path) >= PERIODS, every=0.02)
        sent += sum(first)
        deploy = now()
        with service(directory, 4) as port, load(port) as second:
            before = filled(path)
            until(lambda: filled(path) >= before + PERIODS, every=0.02)
        sent += sum(second)
        log.send_signal(signal.SIGTERM)
        assert log.wait(PATIENCE) == 0

    # What was counted before the log began is not in it.
    assert sent - History.open(path).total().count <= sum(first)
    status, out, _ = historian(
        "compare", path, "--before", deploy, "-p", "50", "--format", "json", "--where", "route=/search"
    )
    assert status == 0
    (ratio,) = json.loads(out)["ratios"]
    assert ratio["ratio"]["method"] == "block bootstrap"
    assert 1.3 < ratio["ratio"]["lower"] <= ratio["ratio"]["value"] < 3
    check = ["compare", path, "--before", deploy, "-p", "50", "--fail-above", "1.2"]
    assert historian(*check)[0] == 1
    status, out, _ = historian("summarize", path, "--every", "100ms", "--format", "json")
    assert status == 0
    assert sum(row["count"] for row in json.loads(out)["rows"]) == History.open(path).total().count
    if importlib.util.find_spec("matplotlib"):
        assert historian("plot", path, "--heatmap", "-o", tmp_path / "shop.svg") == (0, "", "")
