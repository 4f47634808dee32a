"""Recorders by name and labels: looked up again, in a registry and in a family, beside the peers' children."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from historian import Registry

from .figures import absolute, row
from .timing import interleave, loop

if TYPE_CHECKING:
    from .peers import Peer
    from .results import Results

TABLE = "Look up by labels"
ROUTES = 200


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    registry = Registry()
    family = registry.family("http", labels=("method", "route"))
    routes = [f"/api/v1/{k}" for k in range(ROUTES)] * 50
    for route in routes:
        registry.recorder("http", method="GET", route=route), family["GET", route]
    look_up = "recorder('http', method='GET', route=value)"
    cases = [
        loop("loop", "pass", over=routes),
        loop("registry", look_up, over=routes, recorder=registry.recorder),
        loop("family", "family['GET', value]", over=routes, family=family),
        loop("labels", "labels(method='GET', route=value)", over=routes, labels=family.labels),
        loop("number", "family['GET', 200]", over=routes, family=family),
    ]
    if importlib.util.find_spec("prometheus_client"):
        from prometheus_client import CollectorRegistry, Histogram

        peer = Histogram("http", "", ["method", "route"], registry=CollectorRegistry())
        cases.append(loop("prometheus_client", "labels('GET', value)", over=routes, labels=peer.labels))
    timed = interleave(cases)
    base = timed.pop("loop")
    what = {
        "registry": ("historian", "look up in a registry, by keywords"),
        "family": ("historian", "look up in a family, by strings"),
        "labels": ("historian", "look up in a family, by keywords"),
        "number": ("historian", "look up in a family, a number among the values"),
        "prometheus_client": ("prometheus_client", "labels(...) of a histogram"),
    }
    for name, case in timed.items():
        results.add(row(TABLE, *what[name], case, base=base))
    results.add(absolute("looking a recorder up in a registry by two labels", 500, timed["registry"], "ns", 1, base))
    results.add(absolute("looking a recorder up in a family by two values", 150, timed["family"], "ns", 1, base))
