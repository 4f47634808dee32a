"""The measurement of one engine, in a process of its own."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import machine
from . import QUANTILES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from numpy.typing import NDArray

    from . import Route


def measure(name: str, path: str, exact: NDArray[np.float64], rounds: int) -> dict[str, Any]:
    """Return the findings of an engine: its versions, and the seconds and errors of each route.

    A round runs every route once, in turn.  One round before them warms up; its answers are compared with the exact
    ones.  Raises ImportError if the engine is not installed.
    """
    engine = importlib.import_module(f"benchmarks.engines.{name}")
    load = os.getloadavg()[0]
    getattr(engine, "setup", _nothing)()
    try:
        errors = {route.label: errors_of(route.run(path), exact) for route in engine.ROUTES}
        seconds: dict[str, list[float]] = {route.label: [] for route in engine.ROUTES}
        for _ in range(rounds):
            for route in engine.ROUTES:
                began = time.perf_counter()
                route.run(path)
                seconds[route.label].append(time.perf_counter() - began)
    finally:
        getattr(engine, "teardown", _nothing)()
    return {
        "versions": versions(engine, name),
        "commit": machine.commit(),
        "load": round(load, 2),
        "routes": [found(route, seconds[route.label], errors[route.label]) for route in engine.ROUTES],
    }


def errors_of(answers: Mapping[int, Sequence[float]] | None, exact: NDArray[np.float64]) -> list[list[float]]:
    """Return the largest and the median relative error of each quantile, over all groups; of no answers, none.

    Raises ValueError unless there is an answer for each group.
    """
    if answers is None:
        return [[], []]
    if sorted(answers) != list(range(len(exact))):
        raise ValueError(f"there must be an answer for each of the {len(exact)} groups, not for {len(answers)}")
    errors = np.abs(np.array([answers[key] for key in range(len(exact))], dtype=float) / exact - 1)
    if errors.shape[1:] != (len(QUANTILES),) or np.isnan(errors).any():
        raise ValueError(f"there must be {len(QUANTILES)} numbers for each group")
    return [errors.max(axis=0).tolist(), np.median(errors, axis=0).tolist()]


def found(route: Route, seconds: list[float], errors: list[list[float]]) -> dict[str, Any]:
    """Return the findings of a route."""
    return {
        "label": route.label,
        "ours": route.ours,
        "exact": route.exact,
        "best": min(seconds),
        "median": statistics.median(seconds),
        "largest": errors[0],
        "middle": errors[1],
    }


def versions(engine: ModuleType, name: str) -> dict[str, str]:
    """Return the versions of the engine's distributions."""
    packages = getattr(engine, "PACKAGES", (name,))
    return {package: importlib.metadata.version(package) for package in packages}


def _nothing() -> None:
    """Set up nothing."""
