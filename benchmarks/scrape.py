"""Scrapes by Prometheus: what an answer costs, beside prometheus_client for the same label sets."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from historian import Registry

from .data import latencies
from .figures import AT_LEAST, Row, absolute, ratio, row
from .timing import ROUNDS, interleave, once

if TYPE_CHECKING:
    from .peers import Peer
    from .results import Results

FEW, MANY = 200, 10_000  # recorders
EACH = 250  # latencies in each of them
SLOWER = 5.0  # prometheus_client is expected to be slower by at least this factor
TABLE = "Scrape of 10,000 label sets"
PEER = "prometheus_client"
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
CLOCK = time.process_time_ns


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module; nothing without prometheus_client."""
    try:
        import prometheus_client  # noqa: F401
    except ImportError as error:
        results.skip("scrapes by Prometheus", str(error))
        return
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        few(results)
        many(results, folder)
    finally:
        shutil.rmtree(folder)


def few(results: Results) -> None:
    """Scrape some recorders, each of which holds many latencies."""
    from historian.formats.prometheus import Collector
    from historian.web import wsgi

    registry = Registry()
    for i in range(FEW):
        registry.recorder("request", route=f"/{i}").record_many(latencies(10_000, i + 1))
    application = wsgi.metrics(Collector(registry))
    cases = interleave([once("scrape", lambda: scrape(application, PROTOBUF), clock=CLOCK)], rounds=ROUNDS)
    results.add(absolute(f"scrape of {FEW} recorders, native histograms, gzip", 40, cases["scrape"], "ms", 1e6))


def many(results: Results, folder: Path) -> None:
    """Scrape many recorders of a directory, and as many label sets of a peer's histogram in memory."""
    from prometheus_client import CollectorRegistry, Histogram, make_wsgi_app

    from historian.formats.prometheus import Collector
    from historian.web import wsgi

    registry, client = Registry(folder / "many"), CollectorRegistry()
    theirs = Histogram("request_seconds", "Requests.", ["method", "route"], registry=client)
    for i in range(MANY):
        values = latencies(EACH, i + 1)
        registry.recorder("request", method="GET", route=f"/{i}").record_many(values)
        child = theirs.labels("GET", f"/{i}")
        for value in values.tolist():
            child.observe(value)
    ours, peer = wsgi.metrics(Collector(registry)), make_wsgi_app(client)
    cases = interleave(
        [
            once("native", lambda: scrape(ours, PROTOBUF), clock=CLOCK),
            once("classic", lambda: scrape(ours, OPENMETRICS), clock=CLOCK),
            once(PEER, lambda: scrape(peer, OPENMETRICS), clock=CLOCK),
        ],
        rounds=5,
    )
    results.add(absolute(f"scrape of {MANY:,} recorders, native histograms, gzip", 1500, cases["native"], "ms", 1e6))
    results.add(ratio(f"the same: {PEER} over historian", SLOWER, cases[PEER], cases["native"], sense=AT_LEAST))
    for who, what, case in [
        ("historian", "native histograms in protobuf", "native"),
        ("historian", "23 classic buckets in OpenMetrics", "classic"),
        (PEER, "15 classic buckets in OpenMetrics", PEER),
    ]:
        results.add(row(TABLE, who, what, cases[case], unit="ms", per_unit=1e6))
    for who, what, application, accept in [
        ("historian", "its size", ours, PROTOBUF),
        (PEER, "its size", peer, OPENMETRICS),
    ]:
        size = scrape(application, accept) / 1e6
        results.add(Row(TABLE, who, what, size, size, 0.0, "MB"))


def scrape(application: Any, accept: str) -> int:
    """Return the number of bytes of an answer, as a server gets it."""
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/metrics", "QUERY_STRING": "",
        "HTTP_ACCEPT": accept, "HTTP_ACCEPT_ENCODING": "gzip",
    }  # fmt: skip
    started: list[str] = []
    answer = application(environ, lambda status, headers: started.append(status))
    assert started == ["200 OK"]
    return sum(map(len, answer))
