"""How figures are taken: whole rounds interleaved, the best and the median of many, only ratios compared.

A round times every case once, one after the other, so that a machine that slows down slows them all.  The best of the
rounds estimates the cost without interference; the median and the spread say how much interference there was.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import platform
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROUNDS = 25


@dataclass
class Case:
    """One thing to time: `run()` returns the ns that one operation took, averaged over many."""

    name: str
    run: Callable[[], float]
    samples: list[float] = field(default_factory=list)  # ns per operation, one a round

    @property
    def best(self) -> float:
        return min(self.samples)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)


def loop(name: str, statement: str, *, setup: str = "pass", repeat: int = 50_000, **names: Any) -> Case:
    """Return the case of a statement run `repeat` times by a ``for`` loop, everything it names a local variable.

    Use the case ``loop("loop", "pass")`` to take the loop itself off.
    """
    arguments = "".join(f", {key}={key}" for key in names)
    source = (
        f"def run(_clock=_clock, _repeat=_repeat{arguments}):\n"
        f"    {setup}\n"
        "    _range = range(_repeat)\n"
        "    _began = _clock()\n"
        "    for _ in _range:\n"
        f"        {statement}\n"
        "    return (_clock() - _began) / _repeat\n"
    )
    scope: dict[str, Any] = {"_clock": time.perf_counter_ns, "_repeat": repeat, **names}
    exec(source, scope)
    return Case(name, scope["run"])


def interleave(cases: Iterable[Case], rounds: int = ROUNDS) -> dict[str, Case]:
    """Time all cases in turn, `rounds` times over, the garbage collector held still; return them by name."""
    cases = list(cases)
    for case in cases:
        case.run()  # warm up
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for case in cases:
                case.samples.append(case.run())
    finally:
        if enabled:
            gc.enable()
    return {case.name: case for case in cases}


@dataclass
class Figure:
    """One line of the report: a figure by the best rounds, by the medians, and what it should be at most."""

    measure: str
    best: float
    median: float
    target: float
    unit: str  # "x" for a ratio
    spread: float  # of the numerator's rounds: (third quartile - first) / median

    @property
    def reached(self) -> bool:
        return self.best <= self.target

    def __str__(self) -> str:
        mark = "" if self.reached else "   MISSED"
        return (
            f"{self.measure:<66} {self.best:>8.3g} {self.unit:<2} {self.median:>8.3g} {self.unit:<2}"
            f" {self.spread:>6.0%} {self.target:>8.3g}{mark}"
        )


HEADER = f"{'measure':<66} {'best':>11} {'median':>11} {'spread':>6} {'at most':>8}"


def ratio(measure: str, target: float, over: Case, under: Case, base: Case | None = None) -> Figure:
    """Return the figure of one case over another, each less `base` (the bare loop) if that is given."""
    off_best, off_median = (base.best, base.median) if base else (0.0, 0.0)
    return Figure(
        measure,
        (over.best - off_best) / (under.best - off_best),
        (over.median - off_median) / (under.median - off_median),
        target,
        "x",
        spread(over.samples),
    )


def absolute(measure: str, target: float, case: Case, unit: str, per_unit: float, base: Case | None = None) -> Figure:
    """Return the figure of a case in a unit of `per_unit` ns, less `base` if that is given."""
    off_best, off_median = (base.best, base.median) if base else (0.0, 0.0)
    best, median = (case.best - off_best) / per_unit, (case.median - off_median) / per_unit
    return Figure(measure, best, median, target, unit, spread(case.samples))


def spread(samples: list[float]) -> float:
    first, _, third = statistics.quantiles(samples, n=4)
    return (third - first) / statistics.median(samples)


def build(name: str) -> Any:
    """Compile benchmarks/`name`.pyx in a temporary folder, with the flags of the core, and import it."""
    source = Path(__file__).with_name(f"{name}.pyx")
    with tempfile.TemporaryDirectory() as folder:
        generated = Path(folder, f"{name}.c")
        subprocess.run([sys.executable, "-m", "cython", "-3", str(source), "-o", str(generated)], check=True)
        script = (
            "from setuptools import Extension, setup; "
            f"setup(name={name!r}, ext_modules=[Extension({name!r}, [{generated.name!r}], extra_compile_args=['-O3'])])"
        )
        command = [sys.executable, "-c", script, "-q", "build_ext", "--inplace"]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
        spec = importlib.util.spec_from_file_location(name, Path(folder, name + sysconfig.get_config_var("EXT_SUFFIX")))
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def machine() -> dict[str, Any]:
    """Return what the figures depend on: processor, system, versions, commit."""
    processor = platform.processor()
    if os.path.exists("/proc/cpuinfo"):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), processor)
    import numpy

    import historian

    git = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "compiler": platform.python_compiler(),
        "numpy": numpy.__version__,
        "historian": historian.__version__,
        "commit": git.stdout.strip() or None,
    }
