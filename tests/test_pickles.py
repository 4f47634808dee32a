"""Pickles: they name only public constructors, and pickles of older versions stay readable."""

import gzip
import inspect
import math
import os
import pickle
import pickletools
import sys
from pathlib import Path
from typing import Any

import pytest

import historian
from historian import (
    Comparison,
    CorruptFileError,
    CorruptFileWarning,
    Forecast,
    Groups,
    Histogram,
    History,
    Interval,
    Key,
    MergeWarning,
    Profile,
    Registry,
    TimeSeries,
)
from historian.queueing import Load, Scalability, fit_usl, simulate
from historian.tail import (
    Correlation,
    Dist,
    Enoughs,
    Estimate,
    Estimates,
    Fanout,
    Fanouts,
    Slo,
    Slos,
    TailFit,
    TailWarning,
    Traced,
    TracedFanouts,
    Traces,
    Windows,
    all_of,
    seq,
)

#: Each object below, as pickled by version 0.1.0: ``python tests/test_pickles.py`` adds the missing ones.
GOLDEN = Path(__file__).parent / "data" / "pickles"

TRACES = Traces({"db": [0.25, 1.0, 0.75], "cache": [0.5, 2.0, 0.125]}, unit="ms")


def objects() -> dict[str, Any]:
    h = Histogram.from_values([0.0, 0.0125, 0.0125, 1.5, 2.0**65], unit="ms")
    half = Histogram.from_values([0.010] * 60 + [1.0] * 40)
    other = Histogram.from_values([0.011] * 60 + [1.0] * 40)
    quiet = Histogram.from_values([0.010] * 90 + [1.0] * 10)
    minutes = [half, quiet, quiet, half + other, half] * 8
    history = History(Interval(60 * k, 60 * k + 60, {"q": one}) for k, one in enumerate(minutes))
    return {
        "comparison": Comparison(half, other, confidence=0.9, names=("old", "new")),
        "comparison-of-blocks": Comparison(
            sum([half] * 8, Histogram()), sum([other] * 8, Histogram()), blocks=[(half, other)] * 8
        ),
        "comparison-at-looks": Comparison(half, other, looks=50),
        "corrupt-file-error": CorruptFileError("/d/q.counters", "it is empty"),
        "corrupt-file-warning": CorruptFileWarning("/d/q.counters: it is empty (left out)"),
        "correlation": history.correlation(0.5, lags=2),
        "dist": half.dist(confidence=None),
        "enough": half.enough_for(0.99, n=100),
        "enoughs": half.enough_for(0.99, n=[1, 100]),
        "estimate": Estimate(0.0123, 0.0121, 0.0130, "sampling: 100 values", unit="s"),
        "estimate-with-method": Estimate(0.634, 0.559, 0.706, confidence=0.95, method="Clopper-Pearson"),
        "estimates": Estimates(
            [[0.5], [0.7]], [[0.4], [0.6]], [[0.6], [0.8]], [["a; b"], ["a"]], unit="s", confidence=[[0.95], [None]]
        ),
        "fanout": half.fanout(100),
        "fanouts": half.fanout([1, 100]),
        "forecast": history.forecast(0.5, target=0.5, period="1h"),
        "groups": Groups({"a": h, None: half, (1, "b"): Histogram()}, ["route"], 3),
        "histogram": h,
        "history": History([Interval(0, 10**10, {Key("q", a="1"): h}), Interval(10**10, 2 * 10**10, {"q": half})]),
        "interval": Interval("2026-11-27T05:30Z", "2026-11-27T05:31Z", {Key("q", a="1"): h}),
        "key": Key("query", table="users", zone="é"),
        "load": simulate(half, servers=2, utilisation=0.5, requests=1_200),
        "merge-warning": MergeWarning(1, 2, 0, "it is cut short"),
        "profile": Profile({"a": h, "b": half}),
        "scalability": fit_usl([1, 2, 4, 8, 16, 32], [10, 19, 36, 60, 85, 90]),
        "slo": Slo(  # by its parts: the last digits of half.slo(0.5, target=0.99) are not a promise
            Estimate(0.6, 0.4972091504223344, 0.6967052312971209, "sampling: 100 values"), (0.6, 0.6), 0.5, "s", 0.99
        ),
        "slos": Slos(
            Estimates([0.6, 0.7], [0.5, 0.6], [0.7, 0.8], "a", confidence=0.9, method="m"),
            ([0.5, 0.6], [0.6, 0.7]),
            [0.5, 0.6],
            "s",
            [0.9, 0.99],
        ),
        "tail-fit": Histogram.from_values([-math.log((k + 0.5) / 1_000) for k in range(1_000)]).tail_fit(),
        "traced": TRACES.seq(),
        "traced-fanout": TRACES.fanout(3),
        "traced-fanouts": TRACES.fanout([[1], [3]]),
        "traces": TRACES,
        "tail-warning": TailWarning("beyond the data"),
        "time-series": TimeSeries(
            "p99",
            [0, 10**9],
            [10**9, 2 * 10**9],
            [0.5, float("nan")],
            [0.4, 0.0],
            [0.6, 1e300],
            unit="s",
            confidence=0.9,
        ),
        "snapshot": {Key("q"): h, Key("q", a="1"): Histogram()},
        "windows": Windows({"a": [half, other], "b": [other, half]}),
    }


def content(value: Any) -> Any:
    """Return a value to compare an object by: the object itself, or its parts if it has no ``==``."""
    if isinstance(value, Comparison):
        return value.a, value.b, value.blocks, value.confidence, value.names, value.looks
    if isinstance(value, Dist):
        return value.unit, value.count, value.sf(0.5).why, value.extra_load, value.mass.tolist(), str(value.sf(0.5))
    if isinstance(value, Estimate):
        return float(value), value.lower, value.upper, value.why, value.unit, value.confidence, value.method
    if isinstance(value, TracedFanouts):
        return value.n.tolist(), [content(one) for row in value for one in row]
    if isinstance(value, (Enoughs, Estimates, Fanouts, Slos)):
        return [content(one) for one in value]
    if isinstance(value, Fanout):
        return value.leaf, value.n
    if isinstance(value, Traced):
        return value.values.tolist(), value.unit, content(value.sf(0.5)), getattr(value, "n", 0)
    if isinstance(value, Traces):
        return value.values.tolist(), value.names, value.unit, content(value.fanout(2).sf(0.5))
    if isinstance(value, Slo):
        return value.threshold, value.unit, value.target, value.edges, content(value.within)
    if isinstance(value, (Correlation, Forecast)):
        return str(value)  # the last digits are not a promise
    if isinstance(value, Load):
        return value.windows, value.policy, value.servers, value.target, value.seed, str(value.utilisation)
    if isinstance(value, Scalability):
        return value.law, value.concurrency.tolist(), value.throughput.tolist(), value.confidence
    if isinstance(value, TailFit):
        return value.histogram, value.threshold, value.confidence, value.above
    if isinstance(value, Windows):
        return value.names, value.leaves, value.unit
    if isinstance(value, Groups):
        return dict(value), value.names, value.dropped
    if isinstance(value, Profile):
        return value.histograms
    return value.args if isinstance(value, Exception) else value


OBJECTS = objects()


@pytest.mark.parametrize("name", OBJECTS)
def test_pickles_of_version_0_1_0(name: str) -> None:
    found = pickle.loads(gzip.decompress((GOLDEN / f"{name}.pickle.gz").read_bytes()))
    assert type(found) is type(OBJECTS[name])
    assert content(found) == content(OBJECTS[name])


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", OBJECTS)
def test_round_trip(name: str, protocol: int) -> None:
    assert content(pickle.loads(pickle.dumps(OBJECTS[name], protocol))) == content(OBJECTS[name])


def globals_in(data: bytes) -> set[tuple[str, str]]:
    """Return (module, name) of each object that a pickle of protocol 2 imports."""
    return {
        tuple(argument.split(" ")) for operation, argument, _ in pickletools.genops(data) if operation.name == "GLOBAL"
    }


def is_public(module: str, name: str) -> bool:
    if module.split(".")[0] != "historian":
        return True
    public = {f"historian.{one}" for one in historian.__all__ if inspect.ismodule(getattr(historian, one))}
    return module in {"historian", *public} and name in sys.modules[module].__all__


def check(value: Any) -> None:
    named = globals_in(pickle.dumps(value, 2))
    assert any(module.split(".")[0] == "historian" for module, _ in named)
    assert [pair for pair in sorted(named) if not is_public(*pair)] == []


@pytest.mark.parametrize("name", OBJECTS)
def test_public_constructors_alone(name: str) -> None:
    check(OBJECTS[name])


def test_public_constructors_of_sums() -> None:
    """A sum keeps its survival between the edges, too.  What holds it has no public name."""
    x = Histogram.from_values([0.010] * 60 + [1.0] * 40).dist()
    total = seq(x, x, all_of(3, x))
    found = pickle.loads(pickle.dumps(total, 2))
    check(total)
    check(found)
    assert content(found) == content(total)
    assert found.quantile(0.25) == total.quantile(0.25)  # between two edges


@pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")
def test_public_constructors_of_what_is_shared(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "d")
    recorder = registry.recorder("q", table="users")
    check(registry)
    check(recorder)
    assert pickle.loads(pickle.dumps(recorder)) is recorder
    assert historian.Recorder.open(recorder.path, Key("q", table="users")) is recorder


@pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")
def test_registries_and_recorders_of_version_0_1_0(tmp_path: Path) -> None:
    """Their pickles are text, in which the directory can be replaced."""
    directory = tmp_path / "d"
    recorder = Registry(directory).recorder("q", unit="ms", table="users")
    for name in ("registry", "recorder"):
        data = (GOLDEN / f"{name}.pickle").read_bytes().replace(b"/golden-directory", os.fsencode(directory))
        found = pickle.loads(data)
        if name == "recorder":
            assert found is recorder
        else:
            assert (type(found), found.directory) == (Registry, str(directory))


@pytest.mark.parametrize("name", [*historian.__all__, *(f"tail.{name}" for name in historian.tail.__all__)])
def test_classes_say_where_they_are_found(name: str) -> None:
    *module, last = f"historian.{name}".split(".")
    value = getattr(sys.modules[".".join(module)], last)
    if isinstance(value, type):
        assert (value.__module__, value.__qualname__) == (".".join(module), last)


def test_older_histograms() -> None:
    """The first pickles held a dictionary, since `to_bytes` did not exist yet."""
    data = (GOLDEN.parent / "histogram-0.1.0-dict.pickle").read_bytes()
    assert pickle.loads(data) == OBJECTS["histogram"]


if __name__ == "__main__":
    for name, value in OBJECTS.items():
        path = GOLDEN / f"{name}.pickle.gz"
        if not path.exists():
            path.write_bytes(gzip.compress(pickle.dumps(value, 4), mtime=0))
