"""Exemplars: single values that lead to a trace, the latest of each octave, of this process."""

import copy
import gc
import json
import os
import pickle
import subprocess
import sys
import threading
import time
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steps import at_each_step

import historian
from historian import Exemplar, Histogram, Key, Recorder, Registry

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def traces(histogram):
    return [(one.value, one.labels["trace"]) for one in histogram.exemplars]


# ---- what is kept ----


def test_the_latest_of_each_octave_is_kept_with_labels_and_time():
    latency = Recorder()
    before = time.time()
    for value, trace in [(1.5, "a"), (0.25, "b"), (1.7, "c"), (2.0, "d"), (2.001, "e")]:
        latency.record(value, exemplar={"trace": trace})
    h = latency.snapshot()
    # octaves (1/8, 1/4], (1, 2] and (2, 4]: the upper edge of a bucket belongs to it
    assert traces(h) == [(0.25, "b"), (2.0, "d"), (2.001, "e")]
    assert all(before <= one.timestamp <= time.time() for one in h.exemplars)
    assert h.count == 5 and h == Histogram.from_values([1.5, 0.25, 1.7, 2.0, 2.001])


def test_the_first_and_the_last_bucket_are_octaves_too():
    latency = Recorder()
    for value, trace in [(0.0, "zero"), (-0.0, "again"), (2.0**-32, "edge"), (2.0**-31, "first"), (2.0**64, "last")]:
        latency.record(value, exemplar={"trace": trace})
    latency.record(1e300, exemplar={"trace": "overflow"})
    assert [one.labels["trace"] for one in latency.snapshot().exemplars] == ["edge", "first", "last", "overflow"]


@pytest.mark.parametrize("nothing", [None, False, {}])
def test_nothing_is_kept_without_labels(nothing):
    latency = Recorder()
    latency.record(1.5, exemplar=nothing)
    with latency.time(exemplar=nothing) as timer:
        timer.exemplar = nothing
        assert timer.exemplar is None
    h = latency.snapshot()
    assert h.exemplars == () and h.count == 2 and not latency._keeps


def test_a_count_of_0_keeps_nothing_and_one_of_many_keeps_one():
    latency = Recorder()
    latency.record(1.5, count=0, exemplar={"trace": "none"})
    assert latency.snapshot().exemplars == ()
    latency.record(1.5, count=7, exemplar={"trace": "seven"})
    assert traces(latency.snapshot()) == [(1.5, "seven")] and latency.snapshot().count == 7


def test_memory_is_bounded():
    latency = Recorder()
    for exponent in range(-40, 70):
        for k in range(3):
            latency.record(2.0**exponent, exemplar={"trace": f"{exponent}/{k}"})
    assert len(latency.snapshot().exemplars) == 98  # 96 octaves, zero, overflow
    assert {one.labels["trace"].partition("/")[2] for one in latency.snapshot().exemplars} == {"2"}


# ---- what is refused ----

ILLEGAL = [
    ({"trace id": "x"}, ValueError, "'trace id' cannot be the name of an exemplar's label"),
    ({"": "x"}, ValueError, "cannot be the name"),
    ({"1st": "x"}, ValueError, "no digit first"),
    ({"größe": "x"}, ValueError, "cannot be the name"),
    ({"a:b": "x"}, ValueError, "cannot be the name"),
    ({"x" * 500: ""}, ValueError, "more than 128 characters"),
    ({"trace": "x" * 124}, ValueError, "more than 128 characters"),
    ({f"l{k:03}": "" for k in range(33)}, ValueError, "more than 128 characters"),
    ({"trace": "a\nb"}, ValueError, "cannot be printed"),
    ({"trace": "a\x00"}, ValueError, "cannot be printed"),
    ({"trace": "\ud800"}, ValueError, "cannot be printed"),
    ({1: "x"}, TypeError, "must be a string, not int"),
    ("4bf9", TypeError, "must be labels"),
    (["trace"], TypeError, "must be labels"),
    (1, TypeError, "must be labels"),
]


@pytest.mark.parametrize(("labels", "error", "match"), ILLEGAL)
def test_labels_that_are_not_allowed_raise_before_anything_is_counted(labels, error, match):
    latency = Recorder()
    latency.record(1.5, exemplar={"trace": "a"})
    with pytest.raises(error, match=match):
        latency.record(1.5, exemplar=labels)
    with pytest.raises(error, match=match):
        latency.time(exemplar=labels)
    with pytest.raises(error, match=match):
        latency.record(1.5, count=0, exemplar=labels)
    with pytest.raises(error, match=match):
        Exemplar(1.5, labels, 0.0)
    with latency.time() as timer, pytest.raises(error, match=match):
        timer.exemplar = labels
    h = latency.snapshot()
    assert h.count == 2 and traces(h) == [(1.5, "a")]


def test_the_longest_labels_and_those_that_are_not_strings():
    latency = Recorder()
    latency.record(1.5, exemplar={"trace": "ä" * 123})  # characters count, not bytes
    assert latency.snapshot().exemplars[0].labels == {"trace": "ä" * 123}
    latency.record(1.5, exemplar={"shard": 3, "ok": True})
    assert latency.snapshot().exemplars[0].labels == {"shard": "3", "ok": "True"}


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), "1"])
def test_a_value_that_is_refused_keeps_nothing(value):
    latency = Recorder()
    with pytest.raises((ValueError, TypeError), match="cannot record"):
        latency.record(value, exemplar={"trace": "a"})
    assert latency.snapshot().count == 0 and not latency._keeps


def test_what_labels_raise_passes_and_nothing_is_counted():
    class Labels(dict):
        def items(self):
            raise LookupError("mine")

    class Endless(dict):
        def items(self):
            n = 0
            while True:
                n += 1
                yield f"l{n}", ""

    latency = Recorder()
    with pytest.raises(LookupError, match="mine"):
        latency.record(1.5, exemplar=Labels())
    with pytest.raises(ValueError, match="more than 128"):
        latency.record(1.5, exemplar=Endless())
    assert latency.snapshot().count == 0


# ---- timers ----


def test_a_timer_takes_labels_before_and_in_its_block():
    latency, errors = Recorder(), Recorder()
    with latency.time(exemplar={"trace": "before"}) as timer:
        assert timer.exemplar == {"trace": "before"}
    ((value, trace),) = traces(latency.drain())
    assert trace == "before" and value == timer.elapsed and timer.exemplar is None
    with latency.time(errors) as timer:
        timer.exemplar = {"trace": "inside"}
    assert traces(latency.drain()) == [(timer.elapsed, "inside")]
    with pytest.raises(KeyError), latency.time(errors) as timer:
        timer.exemplar = {"trace": "failed"}
        raise KeyError
    assert traces(errors.drain()) == [(timer.elapsed, "failed")] and latency.drain().exemplars == ()


def test_a_timer_that_is_used_again_forgets_the_labels():
    latency = Recorder()
    timer = latency.time(exemplar={"trace": "first"})
    with timer:
        pass
    assert len(latency.drain().exemplars) == 1
    with timer:
        pass
    h = latency.drain()
    assert h.count == 1 and h.exemplars == ()
    with pytest.raises(RuntimeError, match="has ended"):
        timer.exemplar = {"trace": "late"}
    with timer:
        timer.exemplar = {"trace": "third"}
    assert traces(latency.drain()) == [(timer.elapsed, "third")]


def test_families_and_their_timers_take_exemplars():
    requests = Registry().family("http", labels=("method", "exemplar"))
    requests["GET", "x"].record(1.5, exemplar={"trace": "a"})
    assert traces(requests["GET", "x"].snapshot()) == [(1.5, "a")]
    with requests.time("PUT", "x", exemplar={"trace": "b"}) as timer:
        pass
    assert traces(requests["PUT", "x"].snapshot()) == [(timer.elapsed, "b")]
    with requests.timing(method="POST", exemplar="a label of the family") as timing:
        assert timing.exemplar is None
        timing.exemplar = {"trace": "c"}
        assert timing.exemplar == {"trace": "c"}
    found = requests["POST", "a label of the family"].snapshot()
    assert traces(found) == [(timing.elapsed, "c")]
    with pytest.raises(RuntimeError, match="has ended"):
        timing.exemplar = {"trace": "late"}
    with timing, pytest.raises(ValueError, match="cannot be the name"):
        timing.exemplar = {"a b": "c"}
    assert requests["POST", "a label of the family"].snapshot().count == 2


def test_async_timers():
    async def work():
        async with latency.time() as timer:
            timer.exemplar = {"trace": "a"}
        return timer.elapsed

    latency = Recorder()
    coroutine = work()
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    assert traces(latency.snapshot()) == [(done.value.value, "a")]


# ---- histograms ----


def test_each_exemplar_is_in_one_drain():
    latency = Recorder()
    latency.record(1.5, exemplar={"trace": "a"})
    assert traces(latency.drain()) == [(1.5, "a")]
    assert latency.snapshot().exemplars == () and latency.drain().exemplars == ()
    latency.record(1.5, exemplar={"trace": "b"})
    assert traces(latency.drain()) == [(1.5, "b")]


def exemplar(value, trace, at):
    return Exemplar(value, {"trace": trace}, at)


def histogram(*exemplars):
    return Histogram.from_values([one.value for one in exemplars])._with(exemplars)


def test_merging_keeps_the_latest_of_each_octave():
    a = histogram(exemplar(1.5, "a", 10), exemplar(8.0, "a", 10))
    b = histogram(exemplar(1.2, "b", 11), exemplar(8.0, "b", 9), exemplar(100.0, "b", 1))
    merged = [(1.2, "b"), (8.0, "a"), (100.0, "b")]
    assert traces(a + b) == traces(b + a) == traces(historian.merge([a, b])) == merged
    assert traces(historian.merge([a, b.to_bytes()])) == traces(a)
    assert traces(Histogram() + a) == traces(a + Histogram()) == traces(a)
    many = [histogram(exemplar(1.5, str(k), k)) for k in range(2000)]
    assert traces(historian.merge(many)) == [(1.5, "1999")]


EXEMPLARS = st.builds(exemplar, st.floats(0, 1e300), st.sampled_from("abc"), st.integers(0, 3))
HISTOGRAMS = st.lists(EXEMPLARS, max_size=6).map(lambda found: histogram(*found))


@settings(max_examples=30)
@given(HISTOGRAMS, HISTOGRAMS, HISTOGRAMS)
def test_merging_is_associative_and_commutative(a, b, c):
    assert (a + b).exemplars == (b + a).exemplars
    assert ((a + b) + c).exemplars == (a + (b + c)).exemplars == historian.merge([a, b, c]).exemplars


@settings(max_examples=30)
@given(HISTOGRAMS, HISTOGRAMS)
def test_a_difference_keeps_those_that_were_recorded_since(a, b):
    after = a + b
    assert set((after - a).exemplars) <= set(after.exemplars) - set(a.exemplars)
    assert (after - Histogram()).exemplars == after.exemplars
    assert set(after.exemplars) - set(a.exemplars) == set((after - a).exemplars)


def test_a_difference_of_snapshots():
    latency = Recorder()
    latency.record(1.5, exemplar={"trace": "a"})
    latency.record(8.0, exemplar={"trace": "b"})
    before = latency.snapshot()
    assert (before - before).exemplars == ()
    latency.record(1.5, exemplar={"trace": "c"})
    assert traces(latency.snapshot() - before) == [(1.5, "c")]
    assert traces(before) == [(1.5, "a"), (8.0, "b")]


def test_scaled_and_corrected_keep_them():
    h = histogram(exemplar(1.5, "a", 1), exemplar(8.0, "b", 2), exemplar(0.0, "z", 3))
    assert traces(h.scaled(1000, "ms")) == [(0.0, "z"), (1500.0, "a"), (8000.0, "b")]
    # 1.1 and 3.9 lie in two octaves, 1.1 * 1.9 = 2.09 and 3.9 * 1.9 = 7.41, too; 1.9 and 2.1 come into one
    assert traces(histogram(exemplar(1.9, "a", 1), exemplar(2.1, "b", 2)).scaled(1.2, "s")) == [(2.1 * 1.2, "b")]
    assert h.corrected(0.5).exemplars == h.exemplars


def test_equality_and_bytes_do_not_depend_on_them():
    h = histogram(exemplar(1.5, "a", 1))
    plain = Histogram.from_values([1.5])
    assert h == plain and hash(h) == hash(plain) and h.to_bytes() == plain.to_bytes()
    assert Histogram.from_bytes(h.to_bytes()).exemplars == ()


@settings(max_examples=30)
@given(HISTOGRAMS)
def test_dictionaries_pickles_and_copies_have_them(h):
    for same in (
        Histogram.from_dict(json.loads(json.dumps(h.to_dict()))),
        pickle.loads(pickle.dumps(h)),
        copy.copy(h),
        copy.deepcopy(h),
    ):
        assert same == h and same.exemplars == h.exemplars and type(same) is Histogram


class Mine(Histogram):
    """A subclass."""


def test_a_subclass_stays_one():
    mine = Mine.from_values([1.5])._with([exemplar(1.5, "a", 1)])
    mine.note = "kept"
    for same in (pickle.loads(pickle.dumps(mine)), copy.copy(mine)):
        assert type(same) is Mine and same.exemplars == mine.exemplars and same.note == "kept"


@pytest.mark.parametrize(
    ("found", "match"),
    [
        ({}, "exemplars must be a list"),
        ("x", "exemplars must be a list"),
        ([1], "must be a mapping, not int"),
        ([{}], "'labels' is missing"),
        ([{"labels": {"a": "b"}, "timestamp": 1}], "'value' is missing"),
        ([{"labels": {"a": "b"}, "value": 1.5}], "'timestamp' is missing"),
        ([{"labels": {"a": 1}, "value": 1.5, "timestamp": 1}], "strings to strings"),
        ([{"labels": ["a"], "value": 1.5, "timestamp": 1}], "strings to strings"),
        ([{"labels": {}, "value": 1.5, "timestamp": 1}], "labels must not be empty"),
        ([{"labels": {"a": "b" * 128}, "value": 1.5, "timestamp": 1}], "more than 128 characters"),
        ([{"labels": {"a": "b"}, "value": -1.5, "timestamp": 1}], "not negative"),
        ([{"labels": {"a": "b"}, "value": True, "timestamp": 1}], "value must be a number"),
        ([{"labels": {"a": "b"}, "value": 1.5, "timestamp": float("nan")}], "timestamp must be"),
        ([{"labels": {"a": "b"}, "value": 1.5, "timestamp": -1}], "timestamp must be"),
        ([{"labels": {"a": "b"}, "value": 1.5, "timestamp": 2**34}], "timestamp must be"),
        ([{"labels": {"a": "b"}, "value": 1.5, "timestamp": 10**400}], "too large"),
        ([{"labels": {1: "b"}, "value": 1.5, "timestamp": 1}], "must be a string"),
        ([{"labels": {"a": "b"}, "value": 1.5, "timestamp": 1}] * 99, "at most 98"),
    ],
)
def test_dictionaries_with_other_exemplars_are_refused(found, match):
    data = Histogram.from_values([1.5]).to_dict()
    with pytest.raises(ValueError, match=match):
        Histogram.from_dict({**data, "exemplars": found})


def test_an_empty_histogram_has_no_exemplars():
    data = {**Histogram().to_dict(), "exemplars": [{"labels": {"a": "b"}, "value": 1.5, "timestamp": 1}]}
    with pytest.raises(ValueError, match="impossible for a count of 0"):
        Histogram.from_dict(data)
    assert Histogram.from_dict({**Histogram().to_dict(), "exemplars": []}) == Histogram()


def test_an_exemplar_is_a_value():
    one = exemplar(1.5, "a", 2)
    assert one == exemplar(1.5, "a", 2.0) and hash(one) == hash(exemplar(1.5, "a", 2.0))
    assert one != exemplar(1.5, "b", 2) and one != exemplar(1.6, "a", 2) and one != exemplar(1.5, "a", 3)
    assert one != 1.5 and pickle.loads(pickle.dumps(one)) == one
    assert eval(repr(one)) == one
    with pytest.raises(AttributeError):
        one.value = 2.0
    one.labels["trace"] = "changed"
    assert one.labels == {"trace": "a"}


# ---- registries ----


def test_snapshots_of_a_registry_select_by_and_merge_them(tmp_path):
    registry = Registry()
    registry.recorder("http", route="/a").record(1.5, exemplar={"trace": "a"})
    registry.recorder("http", route="/b").record(1.6, exemplar={"trace": "b"})
    snapshot = registry.snapshot()
    assert traces(snapshot.select(route="/a").total()) == [(1.5, "a")]
    assert traces(snapshot.by()[Key("http")]) == traces(snapshot.total()) == [(1.6, "b")]
    historian.snapshot.save(snapshot, tmp_path / "saved")
    assert traces(historian.snapshot.load(tmp_path / "saved")[Key("http", route="/a")]) == [(1.5, "a")]
    other = Registry()
    other.recorder("http", route="/a").record(1.7, exemplar={"trace": "later"})
    other.recorder("http", route="/b").record(0.1, exemplar={"trace": "other octave"})
    other.merge(snapshot)
    merged = other.snapshot()
    assert traces(merged[Key("http", route="/a")]) == [(1.7, "later")]
    assert traces(merged[Key("http", route="/b")]) == [(0.1, "other octave"), (1.6, "b")]
    assert traces(registry.drain().total()) == [(1.6, "b")] and registry.snapshot().total().exemplars == ()
    assert traces(other.remove(Key("http", route="/a"))) == [(1.7, "later")]


def test_a_directory_shows_those_of_this_process(tmp_path):
    registry = Registry(tmp_path / "shared")
    rec = registry.recorder("http")
    rec.record(1.5, exemplar={"trace": "a"})
    assert traces(registry.snapshot()[Key("http")]) == traces(rec.snapshot()) == [(1.5, "a")]
    again = Registry(tmp_path / "shared")
    assert traces(again.snapshot()[Key("http")]) == [(1.5, "a")]  # the same recorder
    assert traces(registry.drain()[Key("http")]) == [(1.5, "a")]
    assert registry.snapshot()[Key("http")].exemplars == rec.drain().exemplars == ()
    rec.record(1.6, exemplar={"trace": "b"})
    assert traces(rec.drain()) == [(1.6, "b")]
    rec.record(1.7, exemplar={"trace": "c"})
    del again
    seen = weakref.ref(rec)
    del rec
    assert traces(registry.remove(Key("http"))) == [(1.7, "c")]
    gc.collect()
    assert seen() is None  # its space is free


def test_a_drain_by_another_process_leaves_no_exemplar_of_an_empty_bucket(tmp_path):
    registry = Registry(tmp_path / "shared")
    registry.recorder("http").record(1.5, exemplar={"trace": "a"})
    code = f"import historian; print(historian.Registry({str(tmp_path / 'shared')!r}).drain().total())"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert registry.snapshot()[Key("http")].exemplars == ()


@pytest.mark.parametrize("shared", [False, True])
def test_an_exception_in_a_drain_leaves_them_where_they_were(tmp_path, shared, monkeypatch):
    registry = Registry(tmp_path / "shared" if shared else None)
    rec = registry.recorder("http")
    rec.record(1.5, exemplar={"trace": "a"})

    def fail(*arguments):
        rec.record(8.0, exemplar={"trace": "meanwhile"})
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Histogram, "_with", fail)
        for drain in (rec.drain, registry.drain, lambda: registry.remove(Key("http"))):
            with pytest.raises(KeyboardInterrupt):
                drain()
    assert traces(registry.snapshot()[Key("http")]) == [(1.5, "a"), (8.0, "meanwhile")]


# ---- threads, processes ----


def test_many_threads():
    latency, stop, drained = Recorder(), threading.Event(), []

    def record(name):
        for k in range(2000):
            latency.record(2.0 ** (k % 8), exemplar={"trace": f"{name}/{k}"})

    def drain():
        while not stop.is_set():
            drained.append(latency.drain())

    threads = [threading.Thread(target=record, args=(n,)) for n in range(4)]
    reader = threading.Thread(target=drain)
    reader.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    reader.join()
    drained.append(latency.drain())
    found = [one for h in drained for one in h.exemplars]
    assert sum(h.count for h in drained) == 8000
    assert len({one.labels["trace"] for one in found}) == len(found) >= 8  # each in one drain
    for h in drained:
        assert {one.value for one in h.exemplars} <= set(h.upper.tolist())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("shared", [False, True])
def test_a_child_starts_with_none(tmp_path, shared):
    registry = Registry(tmp_path / "shared" if shared else None)
    rec = registry.recorder("http")
    rec.record(1.5, exemplar={"trace": "parent"})
    child = os.fork()
    if not child:
        status = 1
        try:
            empty = rec.snapshot().exemplars == ()
            rec.record(1.7, exemplar={"trace": "child"})
            status = 0 if empty and traces(rec.snapshot()) == [(1.7, "child")] else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    h = rec.snapshot()
    assert traces(h) == [(1.5, "parent")] and h.count == (2 if shared else 1)


def test_a_recorder_lets_go_of_what_it_replaces():
    class Text(str):
        """Can be counted."""

    latency = Recorder()
    for k in range(5):
        latency.record(1.5, exemplar={"trace": Text(k)})
    gc.collect()
    assert not [found for found in gc.get_objects() if type(found) is Text]


STEPS = pytest.mark.parametrize("event", ["opcode", "c_return"])


@STEPS
def test_a_signal_handler_that_raises_counts_a_value_with_its_exemplar_or_neither(event):
    latency = Recorder()

    def check(n, result, caught):
        h = latency.drain()
        assert h.count == len(h.exemplars) == (caught is None)

    work = lambda n: lambda: latency.record(1.5, exemplar={"trace": "a", "shard": 3})  # noqa: E731
    assert at_each_step(work, check, event) > 5


@STEPS
def test_a_signal_handler_that_raises_in_a_timer_loses_no_time(event):
    latency = Recorder()

    def prepare(n):
        timer = latency.time(exemplar={"trace": "a"})
        timer.__enter__()
        return lambda: timer.__exit__(None, None, None)

    def check(n, result, caught):
        h = latency.drain()
        assert h.count == 1 and len(h.exemplars) == (caught is None)

    assert at_each_step(prepare, check, event) >= 1


@STEPS
@pytest.mark.parametrize("shared", [False, True])
def test_a_signal_handler_that_raises_in_a_drain_leaves_all_exemplars(tmp_path, shared, event):
    registry = Registry(tmp_path / "shared" if shared else None)
    for k in range(2):
        registry.recorder("http", k=k).record(1.5, exemplar={"trace": str(k)})

    def check(n, result, caught):
        found = [one for h in (registry.snapshot() if result is None else result).values() for one in h.exemplars]
        assert [one.labels for one in found] == [{"trace": "0"}, {"trace": "1"}]
        if result is not None:
            for one, rec in zip(found, (registry.recorder("http", k=k) for k in range(2))):
                rec.record(one.value, exemplar=one.labels)

    assert at_each_step(lambda n: registry.drain, check, event, 11 if event == "opcode" else 3) > 5


# ---- the current span of OpenTelemetry ----


@pytest.fixture(scope="module")
def tracer():
    sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="needs the extra opentelemetry", exc_type=ImportError)
    return sdk.TracerProvider().get_tracer("tested")


def labels_of(span):
    context = span.get_span_context()
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def test_record_takes_the_current_span(tracer):
    latency = Recorder()
    latency.record(1.5, exemplar=True)
    assert latency.snapshot().exemplars == () and latency.snapshot().count == 1
    with tracer.start_as_current_span("outer") as span:
        latency.record(1.5, exemplar=True)
    (one,) = latency.snapshot().exemplars
    assert one.labels == labels_of(span) and len(one.labels["trace_id"]) == 32


def test_a_span_that_is_not_sampled_is_no_exemplar(tracer):
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    latency = Recorder()
    with TracerProvider(ALWAYS_OFF).get_tracer("tested").start_as_current_span("unseen"):
        latency.record(1.5, exemplar=True)
        with latency.time(exemplar=True):
            pass
    assert latency.snapshot().exemplars == () and latency.snapshot().count == 2


def test_a_timer_takes_the_span_at_its_end_each_time(tracer):
    latency = Recorder()
    timer = latency.time(exemplar=True)
    assert timer.exemplar is True
    for _ in range(2):
        with tracer.start_as_current_span("one") as span, timer:
            pass
        (one,) = latency.drain().exemplars
        assert one.labels == labels_of(span) and one.value == timer.elapsed


def test_a_block_takes_the_span_of_that_moment(tracer):
    latency, requests = Recorder(), Registry().family("http", labels=("method",))
    with latency.time() as timer, requests.timing(method="GET") as timing:
        with tracer.start_as_current_span("inside") as span:
            timer.exemplar = timing.exemplar = True
        assert timer.exemplar == timing.exemplar == labels_of(span)
    for rec in (latency, requests["GET"]):
        (one,) = rec.snapshot().exemplars
        assert one.labels == labels_of(span)


def test_what_a_span_raises_passes_and_the_time_is_recorded(tracer):
    from opentelemetry import context, trace

    class Bad(trace.Span):
        def get_span_context(self):
            raise LookupError("mine")

    Bad.__abstractmethods__ = frozenset()
    latency = Recorder()
    token = context.attach(trace.set_span_in_context(Bad()))
    try:
        with pytest.raises(LookupError, match="mine"):
            latency.record(1.5, exemplar=True)
        assert latency.snapshot().count == 0
        with pytest.raises(LookupError, match="mine"), latency.time(exemplar=True):
            pass
        assert latency.snapshot().count == 1
    finally:
        context.detach(token)


def test_without_opentelemetry_the_message_names_the_extra(monkeypatch):
    monkeypatch.setattr("historian._live.exemplars._get_current_span", None)
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    latency = Recorder()
    with pytest.raises(ImportError, match=r"pip install 'latency-historian\[opentelemetry\]'"):
        latency.record(1.5, exemplar=True)
    with pytest.raises(ImportError, match=r"pip install 'latency-historian\[opentelemetry\]'"):
        latency.time(exemplar=True)
    assert latency.snapshot().count == 0


def test_disabled_recorders_keep_nothing():
    code = (
        "import historian; rec = historian.Recorder(); rec.record(1.5, exemplar={'a b': 'c'})\n"
        "with rec.time(exemplar=True) as timer: timer.exemplar = {'a b': 'c'}\n"
        "with historian.Registry().family('a', labels=['b']).timing() as timing: timing.exemplar = {'a b': 'c'}\n"
        "assert rec.snapshot().exemplars == () and not rec._keeps and timer.exemplar is None"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "HISTORIAN_DISABLE": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
