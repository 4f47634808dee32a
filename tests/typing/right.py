"""Right uses of the public names.  Type checkers must find nothing here, and it must run: see test_typing.py."""

from __future__ import annotations

import array
import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from typing_extensions import assert_type

import historian
from historian import Comparison, Histogram, Key, Recorder, Registry
from historian.meters import EventLoopLag, GcPauses, GilWait, Hiccups, Meter, ThreadPoolQueue
from historian.queueing import Advice, Load, MMc, Scalability, advise, amdahl, fit_usl, kingman, mmc, simulate, usl
from historian.tail import (
    Dist,
    Enough,
    Enoughs,
    Estimate,
    Estimates,
    Fanout,
    Fanouts,
    Slo,
    Slos,
    TailFit,
    Traced,
    TracedFanout,
    TracedFanouts,
    Traces,
    all_of,
    burn_rates,
    choice,
    first_of,
    hedge,
    k_of,
    retry,
    seq,
    tied,
)
from historian.web.middleware import ASGIMiddleware, WSGIMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

T = TypeVar("T")
FloatArray = NDArray[np.float64]

# ---- record ----

rec = Recorder("query", unit="ms")
assert_type(rec, Recorder)
assert_type(Recorder(), Recorder)
assert_type(rec.name, str)
assert_type(rec.unit, str)
assert_type(rec.path, str | None)

rec.record(1)
rec.record(1.5)
rec.record(Decimal("1.5"))
rec.record(Fraction(3, 2))
rec.record(np.float32(1.5))
rec.record(np.int64(2))
rec.record(1.5, count=3)
rec.record(1.5, count=np.int64(3))
rec.record(1.5, exemplar={"trace_id": "4bf92f35", "shard": 3})
rec.record(1.5, exemplar=False)
with rec.time(exemplar={"trace_id": "4bf92f35"}) as marked:
    assert_type(marked.exemplar, dict[str, str] | bool | None)
    marked.exemplar = {"shard": 3}
assert_type(rec.snapshot().exemplars, tuple[historian.Exemplar, ...])
for one in rec.snapshot().exemplars:
    assert_type(one.value, float)
    assert_type(one.labels, dict[str, str])
    assert_type(one.timestamp, float)
assert_type(historian.Exemplar(1.5, {"trace_id": "4bf92f35"}, 0), historian.Exemplar)
rec.record_corrected(3.0, 1)
rec.record_many([1, 2.5])
rec.record_many((1.0, Fraction(1, 3)))
rec.record_many(range(3))
rec.record_many(array.array("d", [1.0]))
rec.record_many(memoryview(array.array("d", [1.0])))
rec.record_many(np.arange(3))
rec.record_many(np.ones(3, dtype=np.float32))
rec.record_many(value / 2 for value in range(3))
rec.record_many([1.0, 2.0], counts=[3, 4])
rec.record_many(np.ones(3), counts=np.arange(3))
rec.record_many({1.5: 3}.keys(), counts={1.5: 3}.values())

assert_type(rec.snapshot(), Histogram)
assert_type(rec.drain(), Histogram)


class Named(Recorder):
    """A class of its own keeps its type."""

    __slots__ = ()


assert_type(Named("named"), Named)

# ---- time ----

with rec.time() as timer:
    assert_type(timer.elapsed, float)
with rec.time(errors=Recorder("errors")) as timer:
    pass
began = rec.start()
assert_type(began, int)
rec.stop(began)
rec.stop(began + 1)


def returns_from_within() -> int:  # a timer lets exceptions pass, so nothing comes after its block
    with rec.time():
        return 1


async def returns_from_within_async() -> int:
    async with rec.time() as timer:
        assert_type(timer.elapsed, float)
        return 1


assert_type(returns_from_within(), int)
assert_type(asyncio.run(returns_from_within_async()), int)

# ---- timed: what comes out has the type of what goes in ----


@rec.timed
def function(a: int, /, b: str = "", *rest: float, c: bool, **more: bytes) -> list[str]:
    return [b]


assert_type(function(1, "b", 1.0, 2.0, c=True, d=b"d"), list[str])


@rec.timed(errors=Recorder("failed", unit="ms"))
def with_errors(a: int, *, b: str) -> str:
    return b


@rec.timed()
def with_parentheses(a: int, *, b: str) -> str:
    return b


assert_type(with_errors(1, b="b"), str)
assert_type(with_parentheses(1, b="b"), str)
assert_type(rec.timed(with_errors, errors=rec)(1, b="b"), str)


@rec.timed
async def coroutine(a: int) -> str:
    return str(a)


@rec.timed(errors=rec)
async def coroutine_with_errors(a: int) -> str:
    return await coroutine(a)


assert_type(asyncio.run(coroutine(1)), str)
assert_type(asyncio.run(coroutine_with_errors(1)), str)


@rec.timed
def generator(n: int) -> Generator[int, str, bool]:
    yield from range(n)
    return True


@rec.timed
async def async_generator(n: int) -> AsyncGenerator[int, str]:
    for k in range(n):
        yield k


def sends() -> Generator[int, str, None]:
    assert_type((yield from generator(2)), bool)


async def reads() -> None:
    async for k in async_generator(2):
        assert_type(k, int)


assert_type(list(generator(2)), list[int])
assert_type(list(sends()), list[int])
asyncio.run(reads())


@rec.timed
@contextmanager
def manager(a: int) -> Generator[str]:
    yield str(a)


@rec.timed
@asynccontextmanager
async def async_manager(a: int) -> AsyncGenerator[str]:
    yield str(a)


async def enters() -> None:
    async with async_manager(1) as entered:
        assert_type(entered, str)


with manager(1) as entered:
    assert_type(entered, str)
asyncio.run(enters())


class Service:
    @rec.timed
    def method(self, a: int) -> str:
        return str(a)

    @rec.timed
    async def coroutine_method(self, a: int) -> str:
        return str(a)

    @classmethod
    @rec.timed
    def below_classmethod(cls, a: int) -> list[Service]:
        return [cls()]

    @staticmethod
    @rec.timed
    def below_staticmethod(a: int) -> str:
        return str(a)

    @rec.timed
    @classmethod
    def above_classmethod(cls, a: int) -> list[Service]:
        return [cls()]

    @rec.timed
    @staticmethod
    def above_staticmethod(a: int) -> str:
        return str(a)

    @property
    @rec.timed
    def below_property(self) -> str:
        return ""

    @rec.timed(errors=rec)
    def method_with_errors(self, a: int) -> str:
        return str(a)

    @rec.timed
    def __call__(self, a: int) -> str:
        return str(a)


service = Service()
assert_type(service.method(1), str)
assert_type(Service.method(service, 1), str)
assert_type(asyncio.run(service.coroutine_method(1)), str)
assert_type(service.below_classmethod(1), list[Service])
assert_type(Service.below_classmethod(1), list[Service])
assert_type(service.below_staticmethod(1), str)
assert_type(Service.above_classmethod(1), list[Service])
assert_type(Service.above_staticmethod(1), str)
assert_type(service.below_property, str)
assert_type(service.method_with_errors(1), str)
assert_type(service(1), str)
assert_type(rec.timed(service)(1), str)
assert_type(rec.timed(service.method)(1), str)
assert_type(rec.timed(partial(function, 1, c=True))("b"), list[str])
assert_type(rec.timed(len)([1]), int)


@rec.timed
@lru_cache
def cached(a: int) -> str:
    return str(a)


assert_type(cached(1), str)
assert_type(cached.cache_info().hits, int)


@overload
def overloaded(a: int) -> int: ...
@overload
def overloaded(a: str) -> str: ...
def overloaded(a: int | str) -> int | str:
    return a


timed_overloaded = rec.timed(overloaded)
assert_type(timed_overloaded(1), int)
assert_type(timed_overloaded("a"), str)


@rec.timed
def generic(items: Sequence[T]) -> T:
    return items[0]


assert_type(generic([1]), int)
assert_type(generic(["a"]), str)

# ---- ask ----

h = Histogram.from_values([0.010] * 9_900 + [1.0] * 100)
assert_type(h, Histogram)
assert_type(Histogram(), Histogram)
assert_type(Histogram.from_values(np.arange(3.0), unit="ms"), Histogram)
assert_type(h.count, int)
assert_type(h.sum, float)
assert_type(h.mean, float)
assert_type(h.stddev, float)
assert_type(h.min, float)
assert_type(h.max, float)
assert_type(h.unit, str)
assert_type(h.zero_count, int)
assert_type(h.overflow_count, int)
assert_type(h.synthetic, bool)
assert_type(h.indices, NDArray[np.int64])
assert_type(h.counts, NDArray[np.int64])
assert_type(h.lower, FloatArray)
assert_type(h.upper, FloatArray)

assert_type(h.quantile(0.5), float)
assert_type(h.quantile(1), float)
assert_type(h.quantile(np.float64(0.5)), float)
assert_type(h.quantile(np.float32(0.5)), float)
assert_type(h.quantile(Fraction(1, 2)), float)
assert_type(h.quantile([0.5, 0.9]), FloatArray)
assert_type(h.quantile((0.5, 1)), FloatArray)
assert_type(h.quantile([[0.5, 0.9], [0.1, 0.2]]), FloatArray)
assert_type(h.quantile(np.array([0.5, 0.9])), FloatArray)
assert_type(h.quantile(array.array("d", [0.5])), FloatArray)
assert_type(h.quantile(0.5, interpolated=True), float)
assert_type(h.quantile([0.5], interpolated=True), FloatArray)
assert_type(h.percentile(99.9, interpolated=True), float)
assert_type(h.percentile(np.arange(3.0), interpolated=False), FloatArray)
assert_type(h.percentile(99), float)
assert_type(h.percentile(np.int64(99)), float)
assert_type(h.percentile([50, 99]), FloatArray)
assert_type(h.percentile(range(100)), FloatArray)
assert_type(h.cdf_bounds(0.5), tuple[float, float])
assert_type(h.sf_bounds([0.5]), tuple[FloatArray, FloatArray])
assert_type(h.quantile_bounds(0.5), tuple[float, float])
assert_type(h.quantile_bounds([0.5]), tuple[FloatArray, FloatArray])
assert_type(h.cdf(0.5), float)
assert_type(h.cdf(Decimal("0.5")), float)
assert_type(h.cdf([0.5]), FloatArray)
assert_type(h.sf(1), float)
assert_type(h.sf(np.array([0.5])), FloatArray)

# ---- combine, send ----

assert_type(h + h, Histogram)
assert_type(h - h, Histogram)
assert_type(sum([h, h], Histogram()), Histogram)
assert_type(h == h, bool)
assert_type(hash(h), int)
assert_type(h.to_bytes(), bytes)
assert_type(Histogram.from_bytes(bytearray(h.to_bytes())), Histogram)
data = h.to_dict()
assert_type(data["count"], int)
assert_type(data["max"], float | None)
assert_type(data["indices"], list[int])
assert_type(Histogram.from_dict(data), Histogram)
assert_type(historian.merge([h, h.to_bytes()]), Histogram)
assert_type(historian.merge(iter([h]), on_error="skip"), Histogram)

# ---- group ----

groups = historian.group([1.0, 2.0], ["a", "b"], unit="ms", invalid="drop")
assert_type(groups, historian.Groups)
assert_type(historian.group({"route": ["a"], "s": [1.0]}, by=["route"], value="s"), historian.Groups)
assert_type(groups["a"], Histogram)
assert_type(groups + groups, historian.Groups)
assert_type(groups.total(), Histogram)
assert_type(groups.names, tuple[str, ...])
assert_type(groups.dropped, int)
assert_type(groups.profile(), historian.Profile[Histogram])
assert_type(groups.to_frame(), dict[str, Any])
for _, of_group in groups.items():
    assert_type(of_group, Histogram)

# ---- over time ----

interval = historian.Interval("2026-11-27T05:30Z", datetime(2026, 11, 27, 5, 31, tzinfo=timezone.utc), {"get": h})
historian.Interval(0, np.datetime64(60, "s"), {Key("get"): h})
history = historian.History([interval])
assert_type(history + historian.History(), historian.History)
assert_type(history[0], historian.Interval)
assert_type(history[:1], historian.History)
assert_type(history[0].histograms, historian.Snapshot)
assert_type(history.between("2026-11-27T05:30Z", None), historian.History)
assert_type(history.between(None, 2e9, partial="drop"), historian.History)
assert_type(history.last("1h"), historian.History)
assert_type(history.last(timedelta(hours=1), partial="keep"), historian.History)
assert_type(history.resample("1d", zone="Europe/Berlin"), historian.History)
assert_type(history.resample(60, zone=timezone.utc, partial="keep"), historian.History)
assert_type(history.select("get", route="/users"), historian.History)
assert_type(history.by("route"), dict[Key, historian.History])
assert_type(history.total(), Histogram)
assert_type(history.snapshot(), historian.Snapshot)
assert_type(history.histograms, tuple[Histogram, ...])
assert_type(history.keys, tuple[Key, ...])
assert_type(history.percentile(99), historian.TimeSeries)
assert_type(history.quantile(0.5, confidence=0.9), historian.TimeSeries)
assert_type(history.forecast(1.0, 0.999), historian.Forecast)
assert_type(history.forecast(1.0, 0.999, "7d", start="2026-11-27T05:30Z").lasts, Estimate)
assert_type(history.rate().values, NDArray[np.float64])
assert_type(history.starts, NDArray[np.datetime64])
assert_type(history.to_frame([50]), dict[str, Any])
assert_type(historian.History.from_log([]), historian.History)
assert_type(burn_rates(history, 0.5, 0.9, windows=["1m"]), dict[str, Estimate])
assert_type(burn_rates(history, 0.5, 0.9, windows=[timedelta(minutes=1)]), dict[timedelta, Estimate])
assert_type(burn_rates(history, 0.5, 0.9, windows=[1]), dict[int, Estimate])
assert_type(history.total().slo(0.5, 0.9, windows=history), Slo)
for one_of_history in history:
    assert_type(one_of_history, historian.Interval)
for _, _, value_at, _, _ in history.percentile(99):
    assert_type(value_at, float)

# ---- keep by name ----

registry = Registry()
assert_type(registry.directory, str | None)
with tempfile.TemporaryDirectory() as folder:
    recording = registry.history(every="10s", path=Path(folder, "shop"), keep="10s:1d,1m:7d")
    assert_type(recording, historian.Recording)
    assert_type(recording.history, historian.History)
    assert_type(historian.History.open(os.path.join(folder, "shop")), historian.History)
    assert_type(recording.problem, Exception | None)
    recording.stop()
with registry.history(10, keep=timedelta(hours=1)) as recording:
    assert_type(recording.path, str | None)
assert_type(registry.recorder("query", unit="ms", table="users", shard=3), Recorder)
assert_type(historian.recorder("startup", phase="import"), Recorder)
assert_type(historian.default_registry, Registry)
snapshot = registry.snapshot()
assert_type(snapshot, historian.Snapshot)
assert_type(snapshot.select("http.*", method="GET").by("route"), historian.Snapshot)
assert_type(snapshot.total(), Histogram)
assert_type(registry.drain(), historian.Snapshot)
family = registry.family("http", labels=("method", "status"), max_series=100)
assert_type(family["GET", 200], Recorder)
assert_type(family.labels(method="GET", status=200), Recorder)
with family.time("GET", 200) as family_timer, family.timing(method="GET") as timing:
    assert_type(family_timer, historian.Timer)
    assert_type(timing, historian.Timing)
    timing.labels(status=200)
    timing.exemplar = {"trace_id": "4bf92f35"}
    assert_type(timing.exemplar, dict[str, str] | None)
with family.time("GET", 200, exemplar={"trace_id": "4bf92f35"}):
    pass
assert_type(registry.remove(Key("http", method="GET", status="200")), Histogram)
for key, found in snapshot.items():
    assert_type(key.name, str)
    assert_type(key.labels, tuple[tuple[str, str], ...])
    assert_type(found, Histogram)
registry.merge(registry)
registry.merge(snapshot)
assert_type(registry.profile(), historian.Profile[Histogram])
assert_type(registry.profile().histograms, dict[Any, Histogram])  # by Key; those of a Profile also by name
assert_type(historian.Profile({"a": h}).histograms["a"], Histogram)
assert_type(Key("query", table="users"), Key)
registry.clear()
assert_type(registry.problems(), dict[str, historian.CorruptFileError])
path = os.path.join(tempfile.mkdtemp(), "snapshot.jsonl")
historian.snapshot.save(snapshot, path)
assert_type(historian.snapshot.load(path), historian.Snapshot)
assert_type(historian.get_include(), str)
assert_type(historian.buckets.index(1.0), int)
assert_type(historian.buckets.representative(0), float)

# ---- queueing ----

busy = simulate(Histogram.from_values([0.010] * 100), 2, 0.5, cancel="queued", requests=1_200)
assert_type(busy, Load)
assert_type(busy.quantile(0.5), Estimate)
assert_type(busy.response, Histogram)
assert_type(busy.windows[0], Histogram)
slow = Histogram.from_values([0.010] * 80 + [1.0] * 20)
assert_type(advise(slow, 8, 0.1, q=0.9, delays=[0.02], cancel="running", requests=1_200), Advice)
assert_type(mmc(1, 0.5, 2), MMc)
assert_type(kingman(busy.response, 0.5), float)
assert_type(amdahl(8, serial=0.1), float)
assert_type(usl([1, 2], 0.1, rate=10), NDArray[np.float64])
fitted = fit_usl([1, 2, 4, 8, 16], np.array([1.0, 1.9, 3.5, 6.0, 9.0]))
assert_type(fitted, Scalability)
assert_type(fitted.at(4), Estimate)
assert_type(fitted.at([4, 8]), Estimates)

# ---- tail ----

assert_type(h.corrected(0.5), Histogram)
assert_type(h.scaled(1000, "ms"), Histogram)
assert_type(h.ci(0.5), Estimate)
assert_type(h.ci(0.5, anytime=True), Estimate)
assert_type(h.ci(0.5, simultaneous=True), Estimate)
assert_type(h.ci(0.5).lower, float)
assert_type(h.ci(0.5).why, str)
assert_type(h.apdex(0.5), Estimate)
assert_type(h.enough_for(0.5, n=10), Enough)
assert_type(h.enough_for(0.5).needed, float)

fan = h.fanout(100)
assert_type(fan, Fanout[Histogram])
assert_type(fan.leaf, Histogram)
assert_type(h.tail_fit(), TailFit)
assert_type(h.tail_fit(threshold=0.5).quantile(0.99999), Estimate)
assert_type(h.tail_fit().quantile([0.999, 0.9999]), Estimates)
assert_type(h.tail_fit().sf(2.0), Estimate)
assert_type(h.tail_fit().others(), list[TailFit])
assert_type(h.tail_fit().shape, Estimate)
assert_type(fan.p_wait(0.5), Estimate)
assert_type(fan.p_wait(0.5, anytime=True), Estimate)
assert_type(fan.p_wait([0.5], simultaneous=True), Estimates)
assert_type(fan.bounds(0.5, "any"), Estimate)
assert_type(fan.quantile(0.5), Estimate)
assert_type(fan.leaf.count, int)


def share_of_waits(fanout: Fanout) -> float:
    return fanout.leaf.sf(0.5)


assert_type(share_of_waits(fan), float)

slo = h.slo(0.5, target=0.9)
assert_type(slo, Slo)
assert_type(slo.is_met, bool | None)
assert_type(slo.burn_rate, Estimate)
assert_type(burn_rates([h, h], 0.5, 0.9, windows=(1, 2)), dict[int, Estimate])

# arrays: the answers are arrays, too

many, wholes = np.array([0.5, 0.9]), np.arange(1, 3)
assert_type(h.ci([0.5, 0.9]), Estimates)
assert_type(h.ci(many, windows=None), Estimates)
assert_type(h.ci(many, anytime=True), Estimates)
assert_type(h.ci(many, simultaneous=True), Estimates)
assert_type(h.ci(many).value, FloatArray)
assert_type(h.ci(many).lower, FloatArray)
assert_type(h.ci(many).upper, FloatArray)
assert_type(h.ci(many).why, str)
assert_type(h.ci(many).confidence, float | None)
assert_type(h.ci(many).shape, tuple[int, ...])
assert_type(len(h.ci(many)), int)
assert_type(np.asarray(h.ci(many), dtype=np.float64), FloatArray)
assert_type(h.apdex(many), Estimates)
assert_type(h.enough_for(many), Enoughs)
assert_type(h.enough_for(0.5, n=wholes), Enoughs)
assert_type(h.enough_for(0.5, n=[1, 2]).needed, FloatArray)
assert_type(h.enough_for(many, 10).is_enough, NDArray[np.bool_])
assert_type(h.slo(many, 0.9), Slos)
assert_type(h.slo(0.5, target=many), Slos)
assert_type(h.slo(many, many).within, Estimates)
assert_type(h.slo(many, many).burn_rate, Estimates)

fans = h.fanout([1, 10, 100])
assert_type(fans, Fanouts[Histogram])
assert_type(fans.leaf, Histogram)
assert_type(h.fanout(wholes), Fanouts[Histogram])
assert_type(h.fanout(range(1, 3)), Fanouts[Histogram])
assert_type(h.fanout(np.int64(3)), Fanout[Histogram])
assert_type(h.fanout([[1], [2]]), Fanouts[Histogram])
assert_type(fans.p_wait(0.5), Estimates)
assert_type(fans.sf([0.5, 1.0, 2.0]), Estimates)
assert_type(fans.cdf(0.5), Estimates)
assert_type(fans.bounds(0.5, "any"), Estimates)
assert_type(fans.quantile(0.5), Estimates)
assert_type(fans.sensitivity(0.5, 0.1), Estimates)
assert_type(fans.leaf_percentile(0.5), FloatArray)
assert_type(fans.max_n(0.5, 0.5), float)
assert_type(fan.p_wait(many), Estimates)
assert_type(fan.sf(0.5), Estimate)
assert_type(fan.sf(many), Estimates)
assert_type(fan.cdf(0.5), Estimate)
assert_type(fan.cdf(many), Estimates)
assert_type(fan.bounds([0.5, 1.0], "positive"), Estimates)
assert_type(fan.quantile(many), Estimates)
assert_type(fan.sensitivity(0.5, 0.1), Estimate)
assert_type(fan.sensitivity(0.5, many), Estimates)
assert_type(fan.sensitivity(many, 0.1), Estimates)
assert_type(fan.extrapolate(0.5, 10, 0.05), Estimate)
assert_type(fan.extrapolate(0.5, 10, many / 10), Estimates)
assert_type(fan.extrapolate(0.5, wholes, 0.01), Estimates)
assert_type(fan.effective_n(0.5, 0.5), Estimate)
assert_type(fan.effective_n(0.5, many), Estimates)
assert_type(fan.leaf_percentile(0.5), float)
assert_type(fan.leaf_percentile(many), FloatArray)
assert_type(fan.max_n(0.5, 0.5), float)
assert_type(fan.max_n(many, 0.5), FloatArray)
assert_type(fan.max_n(0.5, many), FloatArray)

x = h.dist()
assert_type(x, Dist)
assert_type(x.sf(many), Estimates)
assert_type(x.cdf([0.5]), Estimates)
assert_type(x.quantile(0.5), Estimate)
assert_type(x.quantile(many), Estimates)
assert_type(x.ppf(many), Estimates)
assert_type(x.isf(0.5), Estimate)
assert_type(x.isf(many), Estimates)
assert_type(x.mean, Estimate)
assert_type(x.min, float)
assert_type(x.max, float)
assert_type(x.sf(0.5), Estimate)
assert_type(x.ppf(0.5), Estimate)
assert_type(x.mass, FloatArray)
assert_type(seq(x, x), Dist)
assert_type(all_of(3, x), Dist)
assert_type(all_of({x: 3}), Dist)
assert_type(first_of(2, x, dependence="positive"), Dist)
assert_type(k_of(2, 3, x), Dist)
assert_type(k_of(2, {x: 3}), Dist)
assert_type(choice({x: 1.0}), Dist)
assert_type(hedge(x, after=0.05), Dist)
assert_type(tied(x, x), Dist)
assert_type(retry(x, timeout=2.0, retries=1), Dist)

# ---- compare ----

comparison = historian.compare(h, h, names=("before", "after"))
assert_type(comparison, Comparison)
assert_type(comparison.ratio(0.5), Estimate)
assert_type(comparison.ratio(0.5, anytime=True), Estimate)
assert_type(comparison.ratio([0.5, 0.25]), Estimates)
assert_type(comparison.ratio(many), Estimates)
assert_type(comparison.superiority, Estimate)
assert_type(comparison.superiority.confidence, float | None)
assert_type(comparison.superiority.method, str)
assert_type(comparison.sentence(0.5), str)
assert_type(comparison.decided, bool)
assert_type(comparison.precision(0.9), float)
assert_type(comparison.precision([0.9]), NDArray[np.float64])
assert_type(historian.compare(h, h, looks=50).looks, int)
assert_type(historian.interleave(list, list, blocks=8, calls=1, until="decided"), Comparison)
assert_type(historian.interleave(list, list, blocks=8, calls=1, until=0.5), Comparison)
assert_type(historian.interleave(list, list, blocks=8, calls=1, until=lambda so_far: so_far.decided), Comparison)
assert_type(historian.interleave(lambda: 1, list, blocks=8, calls=1, seed=1), Comparison)
assert_type(historian.interleave(lambda: 1, list, dict, blocks=8, calls=1), list[Comparison])


# ---- a subclass ----


class Tagged(Histogram):
    tag = ""


assert_type(Tagged.from_values([1.0]).corrected(0.5), Tagged)
assert_type(Tagged.from_values([1.0]).scaled(1000, "ms"), Tagged)
assert_type(Tagged.from_bytes(h.to_bytes()), Tagged)
assert_type(Tagged.from_dict(data), Tagged)
assert_type(Tagged.from_values([1.0]) + h, Tagged)
assert_type(h + Tagged(), Histogram)
assert_type(Tagged().fanout(2).leaf, Tagged)
assert_type(Tagged().fanout([2]).leaf, Tagged)

# ---- web services ----


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


def wsgi_app(environ: dict[str, Any], start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [])
    return [b"Ada"]


ASGIMiddleware(ASGIMiddleware(asgi_app), Registry(), max_series=10, status_class=True)
WSGIMiddleware(WSGIMiddleware(wsgi_app), Registry())

# ---- meters ----

with Hiccups(0.02, registry=Registry(), host="a") as hiccups, GcPauses(of="service") as pauses:
    assert_type(hiccups, Hiccups)
    assert_type(pauses.is_running, bool)
with ThreadPoolExecutor(1) as pool, ThreadPoolQueue(pool, pool="io") as queue:
    assert_type(queue, ThreadPoolQueue)
some_meters: list[Meter] = [EventLoopLag(0.02, loop=None), historian.meters.GilWait(), GilWait(registry=None)]
for meter in some_meters:
    assert_type(meter.stop(), None)

traces = Traces({"db": [0.1, 0.2], "cache": [0.1, 0.3]}, unit="s")
assert_type(traces, Traces)
assert_type(Traces(np.ones((3, 2)), names=["a", "b"]).values, FloatArray)
assert_type(Traces.from_spans([("id", "db", 0.1), ("id", "cache", 0.2)], missing="drop"), Traces)
assert_type(traces.fanout(2), TracedFanout)
assert_type(traces.fanout().p_wait(0.1), Estimate)
assert_type(traces.fanout(2).p_wait([0.1, 0.2]), Estimates)
traced = traces.fanout([1, 2, 8])
assert_type(traced, TracedFanouts)
assert_type(traces.fanout(wholes), TracedFanouts)
assert_type(traces.fanout(np.int64(2)), TracedFanout)
assert_type(traced.p_wait(0.1), Estimates)
assert_type(traced.sf([0.1, 0.2, 0.3]), Estimates)
assert_type(traced.cdf(0.1), Estimates)
assert_type(traced.quantile(0.5), Estimates)
assert_type(traced.shape, tuple[int, ...])
assert_type(traced.values, FloatArray)
assert_type(traces.seq("db", traces.all_of("db", "cache")), Traced)
assert_type(traces.k_of(1, "db", "cache").quantile(0.5), Estimate)
assert_type(traces.first_of().cdf([0.1]), Estimates)
assert_type(traces.effective_n(0.1), Estimate)
assert_type(traces.effective_n([0.1]), Estimates)
assert_type(traces.spearman("db", "cache"), Estimate)
assert_type(traces.tail_dependence("db", "cache", 0.9), Estimate)
assert_type(traces.with_margins({"db": h}), Traces)
