"""Scrapes: hostile names, labels, values and requests; refused with a ValueError, or every count comes back."""

from __future__ import annotations

import gzip
from random import Random
from typing import Any

import mutate
from campaign import ACCEPTED, IDLE, REFUSED, FaultError
from client_model import labels_of, native_counts, read_families
from prometheus_client.parser import text_string_to_metric_families as read_text

from historian import Key, Registry, buckets
from historian.formats.prometheus import Collector
from historian.web import wsgi
from historian.web._http.request import Refused, Request

PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
TEXTS = ["", "a", "le", "__x", "a.b", "a_b", "a b", "\n", '"', "\\", "é", "😀", "x" * 500, "quantile", "q_count", "0"]
UNITS = ["s", "ms", "bytes", "rows", "1", "%", "°C", "a b", "count", "_"]
HEAD = b"GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\nAccept: text/plain;q=0.5,*/*\r\nAccept-Encoding: gzip"


def any_registry(rng: Random) -> Registry:
    """Return a registry with some recorders."""
    registry = Registry()
    for _ in range(rng.randrange(5)):
        labels = {rng.choice(TEXTS): rng.choice(TEXTS) for _ in range(rng.choice((0, 0, 1, 2)))}
        try:
            recorder = registry.recorder(rng.choice(TEXTS), unit=rng.choice(UNITS), labels=labels)
        except ValueError:  # an empty name, another unit
            continue
        for _ in range(rng.randrange(20)):
            value = mutate.double(rng)
            if 0 <= value < 1.7e308:
                recorder.record(value, count=rng.choice((1, 2, 2**40)))
    return registry


class Scrapes:
    """Hostile registries and requests."""

    batch = 2000
    addresses = 0

    def __init__(self, seed: int, folder: str) -> None:
        pass

    def case(self, rng: Random) -> str:
        request(rng)
        registry = any_registry(rng)
        try:
            collector = Collector(registry, underscores=rng.random() < 0.8)
        except ValueError:
            return REFUSED
        application = wsgi.metrics(collector)
        families = read_families(scrape(application, f"{PROTOBUF},*/*;q=0.1", "gzip"))
        found = {
            (family.name, frozenset(labels_of(metric).items())): metric.histogram
            for family in families
            for metric in family.metric
        }
        snapshot = registry.snapshot()
        if len(found) != len(snapshot):
            raise FaultError(f"{len(found)} series of {len(snapshot)} recorders")
        for histogram, (key, recorded) in zip(found.values(), sorted_as(families, snapshot)):
            compare(histogram, key, recorded)
        counts = {
            (sample.name.removesuffix("_count"), frozenset(sample.labels.items())): sample.value
            for family in read_text(scrape(application, "text/plain", "").decode())
            for sample in family.samples
            if sample.name.endswith("_count")
        }
        if {key: float(one.sample_count) for key, one in found.items()} != counts:
            raise FaultError(f"text has the counts {counts}")
        return ACCEPTED if found else IDLE


def sorted_as(families: list[Any], snapshot: Any) -> list[tuple[Key, Any]]:
    """Return the recorders in the order of an answer: by name and unit, in the order in which these came first."""
    groups: dict[tuple[str, str], list[tuple[Key, Any]]] = {}
    for key, histogram in snapshot.items():
        groups.setdefault((key.name, histogram.unit), []).append((key, histogram))
    return [one for group in groups.values() for one in group]


def compare(found: Any, key: Key, recorded: Any) -> None:
    counts = dict(zip(recorded.indices.tolist(), recorded.counts.tolist()))
    zero, overflow = counts.pop(buckets.ZERO_INDEX, 0), counts.pop(buckets.OVERFLOW_INDEX, 0)
    wanted = {index + 1: count for index, count in counts.items()}
    if overflow:
        wanted[64 * 1024 + 1] = overflow
    if (native_counts(found), found.zero_count, found.sample_count) != (wanted, zero, recorded.count):
        raise FaultError(f"{key}: {native_counts(found)} and {found.zero_count}, not {wanted} and {zero}")


def scrape(application: Any, accept: str, encoding: str) -> bytes:
    said: list[str] = []
    environ = {"REQUEST_METHOD": "GET", "HTTP_ACCEPT": accept, "HTTP_ACCEPT_ENCODING": encoding}
    body = b"".join(application(environ, lambda status, headers: said.append(status)))
    if said != ["200 OK"]:
        raise FaultError(f"{said}: {body[:200]!r}")
    return gzip.decompress(body) if encoding else body


def request(rng: Random) -> None:
    """Read a damaged request; answer what it accepts."""
    data = bytearray(HEAD)
    for _ in range(rng.choice((0, 1, 2, 3))):
        mutate.damage(rng, data, [HEAD])
    try:
        found = Request.of(bytes(data) + b"\r\n\r\n")
    except Refused:
        return
    headers = {name: value.decode("latin-1") for name, value in found.headers}
    environ = {
        "REQUEST_METHOD": found.method,
        "HTTP_ACCEPT": headers.get(b"accept", ""),
        "HTTP_ACCEPT_ENCODING": headers.get(b"accept-encoding", ""),
    }
    said: list[str] = []
    wsgi.metrics(Collector(Registry()))(environ, lambda status, sent: said.append(status))
    if said != ["200 OK" if found.method in ("GET", "HEAD") else "405 Method Not Allowed"]:
        raise FaultError(f"{found}: {said}")
