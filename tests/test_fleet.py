"""The simulation of a fleet of hosts: its arithmetic, and docs/explanation/fleet.md, which must match the results."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from historian import Histogram, merge

ROOT = Path(__file__).parents[1]


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import benchmarks/fleet.py, which is beside the package and not installed."""
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.fleet")


def test_the_page_is_made_of_the_results(fleet: ModuleType) -> None:
    text = fleet.PAGE.read_text(encoding="utf-8")
    found = json.loads(fleet.RESULTS.read_text(encoding="utf-8"))
    assert text == fleet.replaced(text, found), "run: python -m benchmarks.fleet --page"


def test_the_model_adds_up_levels(fleet: ModuleType) -> None:
    """1,000,000 hosts at a fan-in of 1,000: 1,000 aggregators of hosts, and 1 of aggregators."""
    measured = [
        {"hosts": 1, "bytes": 1_000.0, "seconds": 2e-6},
        {"hosts": 1_000, "bytes": 2_000.0, "seconds": 4e-6},
    ]
    found = fleet.plan(measured, 1_000)
    assert (found["depth"], found["aggregators"]) == (2, 1_001)
    assert found["bytes"] == 1_000_000 * 1_000 + 1_000 * 2_000
    assert found["cpu"] == pytest.approx(1_000_000 * 2e-6 + 1_000 * 4e-6)
    # The level of hosts: 1 ms, 1,000 * 1,000 bytes at 125 MB/s = 8 ms, 1,000 * 2 us = 2 ms.  Above it: 1 + 16 + 4 ms.
    assert found["seconds"] == pytest.approx(0.001 + 0.008 + 0.002 + 0.001 + 0.016 + 0.004)


@pytest.mark.parametrize(("fan_in", "depth", "aggregators"), [(10, 6, 111_111), (32, 4, 32_259), (1_000_000, 1, 1)])
def test_depth_of_trees(fleet: ModuleType, fan_in: int, depth: int, aggregators: int) -> None:
    """ceil(log 1e6 / log 10) = 6, ceil(13.8 / 3.47) = 4; 31,250 + 977 + 31 + 1 aggregators, and so on."""
    found = fleet.plan([{"hosts": 1, "bytes": 1.0, "seconds": 1e-6}], fan_in)
    assert (found["depth"], found["aggregators"]) == (depth, aggregators)


def test_a_tree_of_a_small_fleet_is_exact(fleet: ModuleType) -> None:
    blobs, values = fleet.fleet(60, requests=500)
    assert values.shape == (60, 500)
    assert merge(blobs) == Histogram.from_values(values.ravel())
    assert fleet.tree(blobs, fan_in=7)["hosts"] == 60
    found = {one["q"]: one for one in fleet.accuracy(blobs, values)}
    assert found[0.5]["exact"] == np.quantile(values, 0.5, method="inverted_cdf")
    assert all(abs(one["merged"]) <= 0.005416 for one in found.values())
