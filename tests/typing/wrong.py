"""Wrong uses of the public names, each with the verdicts of two type checkers at its end: see test_typing.py.

This file is not run.  Functions are never called, so that no line is out of reach of those after it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from functools import lru_cache
from typing import overload

import historian
from historian import Histogram, Key, Recorder, Registry
from historian.tail import all_of, choice, hedge, k_of, seq

rec = Recorder("query")
h = rec.snapshot()

# ---- record ----

rec.recrod(1)  # mypy: attr-defined; pyright: reportAttributeAccessIssue
rec.record("1")  # mypy: arg-type; pyright: reportArgumentType
rec.record(None)  # mypy: arg-type; pyright: reportArgumentType
rec.record(1j)  # mypy: arg-type; pyright: reportArgumentType
rec.record([1.0])  # mypy: arg-type; pyright: reportArgumentType
rec.record()  # mypy: call-arg; pyright: reportCallIssue
rec.record(1, 2)  # mypy: call-arg; pyright: reportCallIssue
rec.record(1, count="2")  # mypy: arg-type; pyright: reportArgumentType
rec.record(1, count=2.0)  # mypy: arg-type; pyright: reportArgumentType
rec.record(1, exemplar="4bf92f35")  # mypy: arg-type; pyright: reportArgumentType
rec.record(1, exemplar={1: "4bf92f35"})  # mypy: dict-item; pyright: reportArgumentType
rec.record(value=1)  # mypy: call-arg; pyright: reportCallIssue
rec.record_corrected(1.0)  # mypy: call-arg; pyright: reportCallIssue
rec.record_corrected(1.0, "10 ms")  # mypy: arg-type; pyright: reportArgumentType
rec.record_many(1.0)  # mypy: arg-type; pyright: reportArgumentType
rec.record_many("123")  # mypy: arg-type; pyright: reportArgumentType
rec.record_many(["1", "2"])  # mypy: list-item; pyright: reportArgumentType
rec.record_many([1j])  # mypy: list-item; pyright: reportArgumentType
rec.record_many([[1.0]])  # mypy: list-item; pyright: reportArgumentType
rec.record_many(None)  # mypy: arg-type; pyright: reportArgumentType
rec.record_many([1.0], [2])  # mypy: call-arg; pyright: reportCallIssue
rec.record_many([1.0], counts=2)  # mypy: arg-type; pyright: reportArgumentType
rec.record_many([1.0], counts=[2.0])  # mypy: list-item; pyright: reportArgumentType
rec.name = "other"  # mypy: misc; pyright: reportAttributeAccessIssue
rec.unit = "ms"  # mypy: misc; pyright: reportAttributeAccessIssue
rec.count  # mypy: attr-defined; pyright: reportAttributeAccessIssue
rec.quantile(0.5)  # mypy: attr-defined; pyright: reportAttributeAccessIssue
Recorder(1)  # mypy: arg-type; pyright: reportArgumentType
Recorder("query", "ms")  # mypy: call-arg; pyright: reportCallIssue
Recorder("query", unit=1)  # mypy: arg-type; pyright: reportArgumentType
Recorder("query", units="ms")  # mypy: call-arg; pyright: reportCallIssue
text: str = rec.snapshot()  # mypy: assignment; pyright: reportAssignmentType
value: float = rec.record(1)  # mypy: assignment, func-returns-value; pyright: reportAssignmentType

# ---- time ----

with rec.time() as timer:
    timer.elpased  # mypy: attr-defined; pyright: reportAttributeAccessIssue
    timer.elapsed = 1.0  # mypy: misc; pyright: reportAttributeAccessIssue
with rec.time(rec.name):  # mypy: arg-type; pyright: reportArgumentType
    pass
with rec.time(error=rec):  # mypy: call-arg; pyright: reportCallIssue
    pass
with rec:  # mypy: attr-defined; pyright: reportGeneralTypeIssues
    pass
rec.start(1)  # mypy: call-arg; pyright: reportCallIssue
rec.stop()  # mypy: call-arg; pyright: reportCallIssue
rec.stop("1")  # mypy: arg-type; pyright: reportArgumentType
rec.stop(1.5)  # mypy: arg-type; pyright: reportArgumentType
rec.stop(None)  # mypy: arg-type; pyright: reportArgumentType
token: str = rec.start()  # mypy: assignment; pyright: reportAssignmentType


async def awaits() -> None:
    with await rec.time():  # mypy: misc; pyright: reportGeneralTypeIssues
        pass


# ---- timed: what comes out takes and gives what goes in does ----


@rec.timed
def function(a: int, /, b: str = "", *rest: float, c: bool, **more: bytes) -> list[str]:
    return [b]


@rec.timed(errors=rec)
def with_errors(a: int, *, b: str) -> str:
    return b


@rec.timed
async def coroutine(a: int) -> str:
    return str(a)


@rec.timed
def generator(n: int) -> Generator[int, str, bool]:
    yield from range(n)
    return True


@rec.timed
async def async_generator(n: int) -> AsyncGenerator[int]:
    yield n


@rec.timed
@contextmanager
def manager(a: int) -> Generator[str]:
    yield str(a)


@rec.timed
@lru_cache
def cached(a: int) -> str:
    return str(a)


@overload
def overloaded(a: int) -> int: ...
@overload
def overloaded(a: str) -> str: ...
@rec.timed
def overloaded(a: int | str) -> int | str:
    return a


class Service:
    @rec.timed
    def method(self, a: int) -> str:
        return str(a)

    @rec.timed
    @classmethod
    def above_classmethod(cls, a: int) -> str:
        return str(a)

    @rec.timed
    @staticmethod
    def above_staticmethod(a: int) -> str:
        return str(a)

    @rec.timed  # mypy: prop-decorator; pyright: reportArgumentType, reportCallIssue
    @property
    def above_property(self) -> str:
        return ""


function("1", c=True)  # mypy: arg-type; pyright: reportArgumentType
function(a=1, c=True)  # mypy: arg-type, call-arg; pyright: reportCallIssue
function(1)  # mypy: call-arg; pyright: reportCallIssue
function(1, 2, c=True)  # mypy: arg-type; pyright: reportArgumentType
function(1, "b", "rest", c=True)  # mypy: arg-type; pyright: reportArgumentType
function(1, c=True, d="d")  # mypy: arg-type; pyright: reportArgumentType
number: int = function(1, c=True)  # mypy: assignment; pyright: reportAssignmentType
with_errors(1)  # mypy: call-arg; pyright: reportCallIssue
with_errors("1", b="b")  # mypy: arg-type; pyright: reportArgumentType
with_errors(1, b="b").uper()  # mypy: attr-defined; pyright: reportAttributeAccessIssue
coroutine("1")  # mypy: arg-type, unused-coroutine; pyright: reportArgumentType, reportUnusedCoroutine
coroutine(1).upper()  # mypy: attr-defined; pyright: reportAttributeAccessIssue
generator("1")  # mypy: arg-type; pyright: reportArgumentType
generator(1).upper()  # mypy: attr-defined; pyright: reportAttributeAccessIssue
async_generator("1")  # mypy: arg-type; pyright: reportArgumentType
manager("1")  # mypy: arg-type; pyright: reportArgumentType
cached(1).uper()  # mypy: attr-defined; pyright: reportAttributeAccessIssue
cached.cache_inof()  # mypy: attr-defined; pyright: reportAttributeAccessIssue
overloaded(1.5)  # mypy: call-overload; pyright: reportArgumentType, reportCallIssue
Service().method("1")  # mypy: arg-type; pyright: reportArgumentType
Service().method()  # mypy: call-arg; pyright: reportCallIssue
Service.above_classmethod("1")  # mypy: arg-type; pyright: reportArgumentType
Service.above_staticmethod("1")  # mypy: arg-type; pyright: reportArgumentType
Service().above_staticmethod(1, 2)  # mypy: call-arg; pyright: reportCallIssue
rec.timed(1)  # mypy: call-overload; pyright: reportArgumentType, reportCallIssue
rec.timed(function, rec)  # mypy: call-overload; pyright: reportCallIssue
rec.timed(error=rec)  # mypy: call-overload; pyright: reportCallIssue
rec.timed(errors="errors")  # mypy: call-overload; pyright: reportArgumentType


async def loops() -> None:
    for _ in async_generator(1):  # mypy: attr-defined; pyright: reportGeneralTypeIssues
        pass
    await generator(1)  # mypy: misc; pyright: reportGeneralTypeIssues


# ---- ask ----

h.quantil(0.5)  # mypy: attr-defined; pyright: reportAttributeAccessIssue
h.quantile("0.5")  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
h.quantile(None)  # mypy: call-overload; pyright: reportArgumentType, reportCallIssue
h.quantile(1j)  # mypy: call-overload; pyright: reportArgumentType, reportCallIssue
h.quantile(["0.5"])  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
h.quantile({0.5})  # mypy: call-overload; pyright: reportArgumentType, reportCallIssue
h.quantile()  # mypy: call-overload; pyright: reportCallIssue
h.quantile(0.5, True)  # mypy: call-overload; pyright: reportCallIssue
h.percentile(50, interpolate=True)  # mypy: call-overload; pyright: reportCallIssue
h.quantile(0.5)[0]  # mypy: index; pyright: reportIndexIssue
h.quantile([0.5]).uper  # mypy: attr-defined; pyright: reportAttributeAccessIssue
h.percentile("99")  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
h.percentile(99).tolist()  # mypy: attr-defined; pyright: reportAttributeAccessIssue
h.quantile_bounds("0.5")  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
h.cdf("1")  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
h.cdf(None)  # mypy: call-overload; pyright: reportArgumentType, reportCallIssue
h.sf("1")  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
h.sf([1.0]).is_integer()  # mypy: attr-defined; pyright: reportAttributeAccessIssue
h.cdf(1.0).tolist()  # mypy: attr-defined; pyright: reportAttributeAccessIssue
h.scaled("2", "ms")  # mypy: arg-type; pyright: reportArgumentType
h.scaled(2)  # mypy: call-arg; pyright: reportCallIssue
h.count = 1  # mypy: misc; pyright: reportAttributeAccessIssue
h.unit = "ms"  # mypy: misc; pyright: reportAttributeAccessIssue
h.record(1)  # mypy: attr-defined; pyright: reportAttributeAccessIssue
Histogram("query")  # mypy: call-arg; pyright: reportCallIssue
Histogram.from_values("123")  # mypy: arg-type; pyright: reportArgumentType
Histogram.from_values(1.0)  # mypy: arg-type; pyright: reportArgumentType
Histogram.from_values([1.0], "ms")  # mypy: arg-type, call-arg; pyright: reportCallIssue
strings: list[str] = h.quantile([0.5])  # mypy: assignment; pyright: reportAssignmentType

# ---- combine, send ----

h + 1  # mypy: operator; pyright: reportOperatorIssue
h - rec  # mypy: operator; pyright: reportOperatorIssue
sum([h, h], rec)  # mypy: call-overload; pyright: reportArgumentType, reportCallIssue
historian.merge([rec])  # mypy: list-item; pyright: reportArgumentType
historian.merge(h)  # mypy: arg-type; pyright: reportArgumentType
historian.merge([h], on_error="ignore")  # mypy: arg-type; pyright: reportArgumentType
historian.merge([h.to_dict()])  # mypy: list-item; pyright: reportArgumentType
h.to_bytes().uper()  # mypy: attr-defined; pyright: reportAttributeAccessIssue
h.to_dict()["cuont"]  # mypy: typeddict-item; pyright: reportGeneralTypeIssues
h.to_dict()["count"].upper()  # mypy: attr-defined; pyright: reportAttributeAccessIssue
Histogram.from_bytes("123")  # mypy: arg-type; pyright: reportArgumentType
Histogram.from_dict([1, 2])  # mypy: arg-type; pyright: reportArgumentType

# ---- keep by name ----

registry = Registry()
registry.recorder()  # mypy: call-arg; pyright: reportCallIssue
registry.recorder(1)  # mypy: arg-type; pyright: reportArgumentType
registry.recorder("query", "ms")  # mypy: call-arg; pyright: reportCallIssue
registry.recorder("query", unit=1)  # mypy: arg-type; pyright: reportArgumentType
registry.recorder("query").recrod(1)  # mypy: attr-defined; pyright: reportAttributeAccessIssue
registry.snapshot()["query"]  # mypy: index; pyright: reportArgumentType
registry.snapshot().totals()  # mypy: attr-defined; pyright: reportAttributeAccessIssue
registry.family("http")  # mypy: call-arg; pyright: reportCallIssue
registry.family("http", labels=3)  # mypy: arg-type; pyright: reportArgumentType
registry.merge(h)  # mypy: arg-type; pyright: reportArgumentType
registry.merge({"query": h})  # mypy: dict-item; pyright: reportArgumentType
registry.directory = "elsewhere"  # mypy: misc; pyright: reportAttributeAccessIssue
Registry(1)  # mypy: arg-type; pyright: reportArgumentType
Key(1)  # mypy: arg-type; pyright: reportArgumentType
Key("query", {"table": "users"})  # mypy: call-arg; pyright: reportCallIssue
Key("query").nmae  # mypy: attr-defined; pyright: reportAttributeAccessIssue
historian.recorder(1)  # mypy: arg-type; pyright: reportArgumentType
historian.recorder("query").recrod(1)  # mypy: attr-defined; pyright: reportAttributeAccessIssue
historian.Recroder()  # mypy: attr-defined; pyright: reportAttributeAccessIssue
historian.snapshot.laod("file")  # mypy: attr-defined; pyright: reportAttributeAccessIssue
historian.buckets.index("1")  # mypy: arg-type; pyright: reportArgumentType

# ---- tail ----

h.ci("0.5")  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
h.ci(0.5).loewr  # mypy: attr-defined; pyright: reportAttributeAccessIssue
h.fanout("100")  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
h.fanout(100).p_wiat(0.5)  # mypy: attr-defined; pyright: reportAttributeAccessIssue
h.fanout(100).p_wait("0.5")  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
h.fanout(100).bounds(0.5, "none")  # mypy: call-overload; pyright: reportArgumentType, reportCallIssue
h.slo(0.5)  # mypy: call-overload; pyright: reportCallIssue
h.slo(0.5, target="99 %")  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
h.slo(0.5, 0.9).within.uper  # mypy: attr-defined; pyright: reportAttributeAccessIssue
h.enough_for(0.5).neded  # mypy: attr-defined; pyright: reportAttributeAccessIssue
h.dist().sf("0.5")  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
h.ci(["0.5"])  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
h.ci([0.5]).loewr  # mypy: attr-defined; pyright: reportAttributeAccessIssue
h.ci(0.5)[0]  # mypy: index; pyright: reportIndexIssue
h.fanout([1.5])  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
h.fanout(["1"])  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
h.fanout([1, 2]).p_wiat(0.5)  # mypy: attr-defined; pyright: reportAttributeAccessIssue
h.fanout([1, 2]).p_wait("0.5")  # mypy: arg-type; pyright: reportArgumentType
h.fanout(2).quantile(None)  # mypy: call-overload; pyright: reportArgumentType, reportCallIssue
h.enough_for([0.5], n="1")  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
h.enough_for([0.5]).neded  # mypy: attr-defined; pyright: reportAttributeAccessIssue
h.slo([0.5], 0.9).within.uper  # mypy: attr-defined; pyright: reportAttributeAccessIssue
h.dist().quantile("0.5")  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
h.dist().mean()  # mypy: operator; pyright: reportCallIssue
text = h.ci([0.5])  # mypy: assignment; pyright: reportAssignmentType
seq(h)  # mypy: arg-type; pyright: reportArgumentType
all_of(3)  # mypy: call-overload; pyright: reportArgumentType
all_of([h.dist()])  # mypy: call-overload; pyright: reportArgumentType
all_of(3, h)  # mypy: call-overload; pyright: reportArgumentType, reportCallIssue
all_of(3, h.dist(), dependence="none")  # mypy: call-overload; pyright: reportArgumentType, reportCallIssue
k_of(2, h.dist())  # mypy: call-overload; pyright: reportArgumentType
choice({0.5: h.dist()})  # mypy: dict-item; pyright: reportArgumentType
hedge(h.dist())  # mypy: call-arg; pyright: reportCallIssue
text = h.dist().mean  # mypy: assignment; pyright: reportAssignmentType

# ---- compare ----

historian.compare(h)  # mypy: call-arg; pyright: reportCallIssue
historian.compare(h, rec)  # mypy: arg-type; pyright: reportArgumentType
historian.compare(h, h, 0.95)  # mypy: call-arg; pyright: reportCallIssue
historian.compare(h, h, names="AB")  # mypy: arg-type; pyright: reportArgumentType
historian.compare(h, h).ratio("0.5")  # mypy: arg-type; pyright: reportArgumentType, reportCallIssue
historian.compare(h, h).ratio(0.5)[0]  # mypy: index; pyright: reportIndexIssue
historian.interleave(len, len)  # mypy: arg-type; pyright: reportArgumentType
historian.interleave(list)  # mypy: call-overload; pyright: reportCallIssue
historian.interleave(list, 1)  # mypy: call-overload; pyright: reportArgumentType
historian.interleave(list, dict, blocks="30")  # mypy: call-overload; pyright: reportArgumentType
historian.interleave(list, dict, until="different")  # mypy: call-overload; pyright: reportArgumentType
historian.interleave(list, dict, until=lambda: True)  # mypy: arg-type, misc; pyright: reportArgumentType
historian.interleave(list, dict)[0]  # mypy: index; pyright: reportIndexIssue
historian.interleave(list, dict, set).ratio(0.5)  # mypy: attr-defined; pyright: reportAttributeAccessIssue
family = historian.default_registry.family("http", labels=("method",))
family.labels("GET")  # mypy: arg-type; pyright: reportArgumentType
family.time(method="GET")  # mypy: arg-type; pyright: reportArgumentType
family.timing("GET")  # mypy: arg-type; pyright: reportArgumentType
list(family)  # mypy: call-overload; pyright: reportArgumentType
historian.default_registry.remove("http")  # mypy: arg-type; pyright: reportArgumentType
historian.default_registry.history(every=None)  # mypy: arg-type; pyright: reportArgumentType
historian.default_registry.history(path=1)  # mypy: arg-type; pyright: reportArgumentType
