"""``historian serve``: what it serves, that it changes nothing, how it ends, what it refuses."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from client_model import native_counts, read_families
from layout import entry_at
from outside import historian

from historian import Key, Registry
from historian.cli._readings import Readings
from historian.cli.serve import _sources

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")
pytest.importorskip("prometheus_client")

PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
PATIENCE = 60


@contextlib.contextmanager
def serving(directory, *options):
    """Yield the process of the command, with what it has said first in `said`, and its URL."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "historian", "serve", str(directory), "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        process.said, match = [], None
        while match is None:
            process.said.append(process.stderr.readline())
            assert process.said[-1], process.said  # it has ended
            match = re.fullmatch(
                r"historian serve: (http://\S+/) is ready(, with /metrics for Prometheus)?; stop it with Ctrl-C\n",
                process.said[-1],
            )
        yield process, f"{match[1]}metrics"
    finally:
        process.kill()
        process.communicate()


def fetch(url, accept=""):
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return answer.read()


@pytest.fixture
def directory(tmp_path):
    registry = Registry(tmp_path / "d")
    registry.recorder("lookup", table="users").record_many([0.5] * 99 + [1.0])
    return tmp_path / "d"


def test_it_serves_what_a_directory_holds_at_that_moment(directory):
    with serving(directory) as (_, url):
        assert url.startswith("http://127.0.0.1:")
        assert b'lookup_seconds_count{table="users"} 100.0\n' in fetch(url)
        registry = Registry(directory)
        registry.recorder("lookup", table="users").record(0.5)
        registry.recorder("answer", unit="bytes").record(64)
        found = {family.name: family.metric[0].histogram for family in read_families(fetch(url, PROTOBUF))}
        assert native_counts(found["lookup_seconds"]) == {-64: 100, 0: 1}  # 0.5 is 2^(-64/64), 1 is 2^(0/64)
        assert native_counts(found["answer_bytes"]) == {6 * 64: 1}
        registry.remove(Key("answer"))
        assert "answer_bytes" not in fetch(url).decode()


def test_it_changes_nothing_and_survives_that_the_directory_goes(directory):
    before = {path.name: (path.stat().st_ino, path.read_bytes()) for path in directory.iterdir()}
    with serving(directory) as (_, url):
        fetch(url)
        assert {path.name: (path.stat().st_ino, path.read_bytes()) for path in directory.iterdir()} == before
        (directory / "recorders").unlink()
        directory.rmdir()
        assert fetch(url) == b""
        assert not directory.exists()
        Registry(directory).recorder("again").record(1.0)
        assert b"again_seconds_count 1.0\n" in fetch(url)
        os.chmod(directory, 0o777)
        with pytest.raises(urllib.error.HTTPError, match="500") as raised:
            fetch(url)
        assert b"other users may write to it" in raised.value.read()
        raised.value.close()


def test_a_damaged_recorder_is_left_out_and_said_once(directory):
    Registry(directory).recorder("other").record(1.0)
    with open(directory / "recorders", "r+b") as file:
        file.seek(entry_at(directory / "recorders", 1) + 408)  # its name
        file.write(b"\xff")
    with serving(directory) as (process, url):
        for _ in range(3):
            text = fetch(url)
            assert b"lookup_seconds_count" in text and b"other" not in text
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=PATIENCE)[1] == ""
        first, _ = process.said
    assert first.startswith(f"historian serve: {directory}/recorders[1]: ") and first.endswith(" (left out)\n")


def test_names_that_are_not_legal(directory):
    Registry(directory).recorder("db.query").record(1.0)
    with serving(directory) as (process, url):  # the page is there all the same
        assert process.said[0] == (
            "historian serve: /metrics will answer with an error: Prometheus does not allow 'db.query' as a name: use "
            "'db_query_seconds', or pass --underscores\n"
        )
        with pytest.raises(urllib.error.HTTPError, match="500") as raised:
            fetch(url)
        assert b"use 'db_query_seconds'" in raised.value.read()
        raised.value.close()
        assert b"db.query" in fetch(url.replace("metrics", "table.json"))
        Registry(directory).remove(Key("db.query"))
        assert b"lookup_seconds_count" in fetch(url)
        Registry(directory).recorder("db.query").record(1.0)
    with serving(directory, "--underscores") as (_, url):
        assert b"db_query_seconds_count 1.0\n" in fetch(url)


def test_a_name_that_is_not_legal_and_comes_later_is_said(directory):
    with serving(directory) as (process, url):
        Registry(directory).recorder("db.query").record(1.0)
        with pytest.raises(urllib.error.HTTPError, match="500") as raised:
            fetch(url)
        assert b"use 'db_query_seconds'" in raised.value.read()
        raised.value.close()
        Registry(directory).remove(Key("db.query"))
        assert b"lookup_seconds_count" in fetch(url)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE)
    assert re.fullmatch(r"historian serve: the metrics cannot be scraped: .*use 'db_query_seconds'\n", errors)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_by_a_signal(directory, number):
    with serving(directory) as (process, url):
        port = int(url.split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as idle:
            fetch(url)
            process.send_signal(number)
            assert process.wait(PATIENCE) == 0
            assert process.stderr.read() == ""
            with contextlib.suppress(ConnectionError):
                assert idle.recv(10) == b""
    with pytest.raises(urllib.error.URLError):
        fetch(url)


def test_nothing_else_of_the_directory_is_served(directory):
    with serving(directory) as (_, url):
        root = url.removesuffix("/metrics")
        for path in (
            "/_static/",
            "/page.py",
            "/recorders",
            "/metrics/recorders",
            "/..%2frecorders",
            "/a/../recorders",
            "//",
        ):
            with pytest.raises(urllib.error.HTTPError, match="404") as raised:
                fetch(root + path)
            assert raised.value.read() == b"there is nothing here\n"
            raised.value.close()


def test_what_cannot_be_served_is_one_line(directory, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for arguments, message in [
            ([tmp_path / "none"], "No such file or directory"),
            ([tmp_path / "other"], "it holds no recorders"),
            ([directory, "--port", port], f"cannot listen on 127.0.0.1, port {port}: "),
            ([directory, "--host", "256.0.0.1"], "cannot listen on 256.0.0.1, port 9464: "),
        ]:
            status, out, errors = historian("serve", *arguments)
            assert (status, out) == (1, "") and errors.count("\n") == 1
            assert errors.startswith("historian serve: ") and message in errors
    for wrong in (["--port", "65536"], ["--port", "-1"], ["--port", "x"], ["--host", ""]):
        status, out, errors = historian("serve", directory, *wrong)
        assert (status, out) == (2, "") and errors.count("\n") == 1


def test_without_prometheus_client_there_is_the_page_and_the_extra_is_named(directory, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    assert _sources(Readings(Registry(directory), "serve"), False) == []
    assert capsys.readouterr().err == (
        "historian serve: there is no /metrics: historian.formats.prometheus needs prometheus_client: run pip install "
        "'latency-historian[prometheus]'\n"
    )
