"""A real Prometheus server scrapes recorders: every count, quantiles, rates over a restart, series that go away."""

import json
import math
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from prometheus_server import PATIENCE, PROGRAM, Prometheus

from historian import Histogram, Registry, buckets

pytest.importorskip("prometheus_client")
pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="there is no Prometheus server; on Debian, apt-get install prometheus"
)

EXPORTER = Path(__file__).parents[1] / "helpers" / "exporter.py"


class Exporter:
    """The program exporter.py, which can be killed and started again on the same port."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self.port = "0"
        self.start()

    def start(self):
        command = [sys.executable, str(EXPORTER), self.port, *self._arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        url = self._process.stdout.readline()
        assert url.startswith("http://127.0.0.1:"), url
        self.port = url.split(":")[2].split("/")[0]

    def kill(self):
        self._process.kill()
        self._process.communicate()

    def order(self, **what):
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"


@pytest.fixture(scope="module")
def exporter():
    found = Exporter()
    yield found
    found.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory, exporter):
    # It takes 5 s to find its target, so there is one for all tests: each of them has recorders of its own.
    found = Prometheus(tmp_path_factory.mktemp("server") / "native", f"127.0.0.1:{exporter.port}", native=True)
    yield found
    found.end()


def counts_of(found):
    """Return count, sum and the counts by index of a native histogram in an answer of the server."""
    histogram = found["histogram"][1]
    counts = {}
    for rule, lower, upper, count in histogram.get("buckets", ()):
        if rule == 3:  # both edges included: the zero bucket
            assert (float(lower), float(upper)) == (-(2.0**-32), 2.0**-32)
            index = buckets.ZERO_INDEX
        elif float(upper) == math.inf:
            index = buckets.OVERFLOW_INDEX
        else:
            assert rule == 0  # the upper edge is included
            index = round(math.log2(float(upper)) * 64) - 1
            assert buckets.upper(index) == pytest.approx(float(upper), rel=1e-12)
            assert buckets.lower(index) == pytest.approx(float(lower), rel=1e-12)
        counts[index] = int(count)
    return int(histogram["count"]), float(histogram["sum"]), counts


def test_every_count_and_quantiles_arrive(server, exporter):
    seeded = np.random.default_rng(7)
    # The server interpolates within a bucket of 1.1 %.  Where a bucket has many values, this is close to the truth.
    two_modes = np.concatenate([seeded.normal(0.01, 0.001, 60_000), seeded.normal(1.0, 0.02, 40_000)]).clip(1e-6)
    for table, values in (
        ("lognormal", seeded.lognormal(-4, 1, 100_000)),
        ("two modes", two_modes),
        ("exponential", seeded.exponential(0.2, 100_000)),
    ):
        exporter.order(name="query", labels={"table": table}, values=values.tolist())
        here = Histogram.from_values(values)
        server.wait(f'histogram_count(query_seconds{{table="{table}"}})', here.count)
        (found,) = server.ask(f'query_seconds{{table="{table}"}}')
        assert found["metric"]["job"] == "tested"
        count, total, counts = counts_of(found)
        assert counts == dict(zip(here.indices.tolist(), here.counts.tolist()))
        assert (count, total) == (here.count, here.sum)
        for q in (0.1, 0.5, 0.9, 0.99, 0.999):
            exact = np.quantile(values, q, method="inverted_cdf")
            answer = server.number(f'histogram_quantile({q}, query_seconds{{table="{table}"}})')
            assert answer == pytest.approx(exact, rel=0.006), (table, q)


def test_values_at_the_ends_of_the_layout_arrive(server, exporter):
    values = [0.0, 1e-12, 2.0**-32, 2.0**-31.99, 1.0, 2.0**64, 2.0**64 * 1.001, 1e300, 1.7e308]
    exporter.order(name="ends", values=values)
    here = Histogram.from_values(values)
    server.wait("histogram_count(ends_seconds)", len(values))
    count, total, counts = counts_of(server.ask("ends_seconds")[0])
    assert counts == dict(zip(here.indices.tolist(), here.counts.tolist()))
    assert (count, total, counts[buckets.OVERFLOW_INDEX]) == (9, here.sum, 3)
    exporter.order(name="empty", values=[])
    server.wait("histogram_count(empty_seconds)", 0)
    assert counts_of(server.ask("empty_seconds")[0]) == (0, 0.0, {})
    exporter.order(name="empty", values=[1.0])
    server.wait("histogram_count(empty_seconds)", 1)


def test_rate_is_right_over_a_restart_of_the_exporting_process(server, exporter):
    """A counter of prometheus_client in the same scrapes shows what `increase` must find, with its extrapolation."""
    exporter.order(name="work", values=[0.25] * 100_000)  # many, so that neither is taken for a new counter
    server.wait("histogram_count(work_seconds)", 100_000)
    server.wait('recorded_total{name="work"}', 100_000)
    begin = server.number('timestamp(recorded_total{name="work"})')  # before, a scrape may have seen one of them only
    exporter.order(name="work", values=[0.5] * 300)
    server.wait("histogram_count(work_seconds)", 100_300)
    exporter.kill()
    exporter.start()
    exporter.order(name="work", values=[0.5] * 200)
    server.wait("histogram_count(work_seconds)", 200)
    exporter.order(name="work", values=[1.0] * 500)
    server.wait("histogram_count(work_seconds)", 700)
    server.wait('recorded_total{name="work"}', 700)
    at = server.number('timestamp(recorded_total{name="work"})')
    window = f"{round((at - begin) * 1000) + 100}ms"
    counted = server.number(f'increase(recorded_total{{name="work"}}[{window}] @ {at})')
    found = server.number(f"histogram_count(increase(work_seconds[{window}] @ {at}))")
    assert counted >= 1000  # 300 + 200 + 500; extrapolation adds some
    assert found == pytest.approx(counted, rel=1e-9)
    mean = server.number(
        f"histogram_sum(rate(work_seconds[{window}] @ {at})) / histogram_count(rate(work_seconds[{window}] @ {at}))"
    )
    assert mean == pytest.approx((300 * 0.5 + 200 * 0.5 + 500 * 1.0) / 1000, rel=1e-9)
    half = server.number(f"histogram_quantile(0.25, rate(work_seconds[{window}] @ {at}))")
    assert half == pytest.approx(0.5, rel=0.011)  # all in one bucket: anywhere in it


def test_a_series_that_went_away_is_gone(server, exporter):
    for table in ("a", "b"):
        exporter.order(name="gone", labels={"table": table}, values=[1.0, 2.0])
    server.wait("count(gone_seconds)", 2)
    exporter.order(name="gone", labels={"table": "a"}, remove=True)
    server.wait("count(gone_seconds)", 1)
    (left,) = server.ask("gone_seconds")
    assert left["metric"]["table"] == "b"


def test_metrics_of_prometheus_client_arrive_in_the_same_scrape(server, exporter):
    exporter.order(name="both", values=[1.0] * 5)
    server.wait('recorded_total{name="both"}', 5)
    server.wait("histogram_count(both_seconds)", 5)


def test_without_native_histograms_classic_buckets_are_exact(tmp_path, exporter):
    values = np.random.default_rng(11).lognormal(-4, 1.5, 50_000)
    exporter.order(name="classic", values=values.tolist())
    server = Prometheus(tmp_path / "classic", f"127.0.0.1:{exporter.port}", native=False)
    try:
        server.wait("classic_seconds_count", len(values))
        found = {one["metric"]["le"]: float(one["value"][1]) for one in server.ask("classic_seconds_bucket")}
        assert len(found) == 24
        assert {le: np.count_nonzero(values <= float(le)) for le in found} == found
        assert server.number("classic_seconds_sum") == pytest.approx(math.fsum(values), rel=1e-15)
    finally:
        server.end()


def check_exemplars(server, query, values, traces, before):
    """Wait until the server has the exemplars of a query; return the labels of their series."""
    until = time.monotonic() + PATIENCE
    while len(found := server.exemplars(query)) < len(values) and time.monotonic() < until:
        time.sleep(0.1)
    assert {value: one["labels"] for value, one in found.items()} == dict(zip(values, traces))
    assert all(before - 0.001 <= float(one["timestamp"]) <= time.time() for one in found.values())
    return {value: one["series"] for value, one in found.items()}


# In ascending order: some servers leave out what is older than an exemplar of a smaller value.
SLOW = [0.011, 0.25, 1.7, 500.0]
TRACES = [{"trace_id": f"{k:032x}", "span_id": f"{k:016x}", "note": "ü, {a}"} for k in range(1, 5)]


def test_exemplars_of_native_histograms_arrive(server, exporter):
    before = time.time()
    exporter.order(name="traced", labels={"table": "a"}, values=SLOW, exemplars=TRACES)
    server.wait("histogram_count(traced_seconds)", len(SLOW))
    kept = len(SLOW) if server.version >= (2, 46) else 1  # earlier servers take one of a native histogram
    series = check_exemplars(server, "traced_seconds", SLOW[:kept], TRACES, before)
    assert all((one["__name__"], one["table"]) == ("traced_seconds", "a") for one in series.values())


def test_exemplars_of_classic_buckets_arrive(tmp_path, exporter):
    before = time.time()
    exporter.order(name="classically", values=SLOW, exemplars=TRACES)
    server = Prometheus(tmp_path / "classic", f"127.0.0.1:{exporter.port}", native=False)
    try:
        server.wait("classically_seconds_count", len(SLOW))
        series = check_exemplars(server, "classically_seconds_bucket", SLOW, TRACES, before)
        assert {value: one["le"] for value, one in series.items()} == {
            0.011: "0.015625", 0.25: "0.25", 1.7: "2.0", 500.0: "+Inf"
        }  # fmt: skip
    finally:
        server.end()


def test_one_scrape_of_one_process_shows_all_of_a_directory(tmp_path):
    directory = tmp_path / "shared"
    first, second = Exporter(str(directory)), Exporter(str(directory))
    Registry(directory).recorder("query").record_many([0.5] * 3)  # a process that is not scraped
    server = Prometheus(tmp_path / "native", f"127.0.0.1:{first.port}", native=True)
    try:
        first.order(name="query", values=[0.25] * 10)
        second.order(name="query", values=[1.0] * 20)
        server.wait("histogram_count(query_seconds)", 33)
        second.kill()
        first.kill()
        first.start()  # what the directory holds is still there: no reset
        first.order(name="query", values=[0.25])
        server.wait("histogram_count(query_seconds)", 34)
    finally:
        server.end()
        first.kill()
        second.kill()
