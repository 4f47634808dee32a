"""Recorders as metrics of Prometheus: names, text, protobuf as another reader reads it, starts."""

import math
import re
import sys
import time

import pytest
from client_model import labels_of, native_counts, read_families
from hypothesis import given, settings
from hypothesis import strategies as st

from historian import Exemplar, Histogram, Key, Registry, Snapshot, buckets
from historian.formats.prometheus import Collector
from historian.formats.prometheus._classic import chosen
from historian.formats.prometheus._exposition import OPENMETRICS, PROTOBUF, TEXT, Format, exposition
from historian.formats.prometheus._names import label_name, metric_name

prometheus_client = pytest.importorskip("prometheus_client")
from prometheus_client import CollectorRegistry, core  # noqa: E402
from prometheus_client.openmetrics.exposition import generate_latest as core_openmetrics  # noqa: E402
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics  # noqa: E402
from prometheus_client.parser import text_string_to_metric_families as read_text  # noqa: E402
from prometheus_client.utils import floatToGoString  # noqa: E402

LEGAL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def registry_of(*recorders):
    """Return a registry with recorders: name, unit, labels, values."""
    registry = Registry()
    for name, unit, labels, values in recorders:
        registry.recorder(name, unit=unit, labels=labels).record_many(values)
    return registry


def native(collector):
    """Return the messages Histogram of a collector by name and labels."""
    return {
        (family.name, *sorted(labels_of(metric).items())): metric.histogram
        for family in read_families(exposition([collector], Format(PROTOBUF)))
        for metric in family.metric
    }


# ---- exemplars ----

EXEMPLARS = st.builds(
    Exemplar,
    st.floats(0, 1e300),
    st.dictionaries(
        st.from_regex("[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True),
        st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), max_size=20),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 2**34 - 1).map(lambda n: n + 0.125),
)


def with_exemplars(found):
    """Return a snapshot of one recorder, whose histogram has these exemplars, the latest of each octave."""
    h = Histogram.from_values([one.value for one in found])._with(found)
    return Snapshot({Key("lookup", table="users"): h})


class Snapshots:
    """What a collector needs of a registry."""

    def __init__(self, snapshot):
        self.snapshot = lambda: snapshot


@settings(max_examples=25)
@given(st.lists(EXEMPLARS, min_size=1, max_size=8))
def test_exemplars_come_back_from_openmetrics(found):
    # Its reader does not take quotation marks and backslashes in exemplars: see the test below.
    found = [
        Exemplar(one.value, {name: re.sub(r'["\\\\]', "'", text) for name, text in one.labels.items()}, one.timestamp)
        for one in found
    ]
    snapshot = with_exemplars(found)
    (h,) = snapshot.values()
    (family,) = read_openmetrics(exposition([Collector(Snapshots(snapshot))], Format(OPENMETRICS)).decode())
    lower, kept = 0.0, []
    for sample in family.samples:
        if not sample.name.endswith("_bucket"):
            assert sample.exemplar is None
            continue
        inside = [one for one in h.exemplars if lower < one.value <= float(sample.labels["le"])]
        inside += [one for one in h.exemplars if one.value == lower == 0]
        if sample.exemplar is None:
            assert not inside
        else:
            latest = max(inside, key=lambda one: (one.timestamp, one.value))
            assert sample.exemplar.value == latest.value and sample.exemplar.labels == latest.labels
            assert float(sample.exemplar.timestamp) == pytest.approx(latest.timestamp, rel=1e-9)
            kept.append(latest)
        lower = float(sample.labels["le"])
    assert kept and max(one.timestamp for one in kept) == max(one.timestamp for one in h.exemplars)
    # Other text has none.
    (family,) = read_text(exposition([Collector(Snapshots(snapshot))], Format(TEXT)).decode())
    assert all(sample.exemplar is None for sample in family.samples)


def read_exemplar(message):
    at = message.timestamp
    return message.value, {pair.name: pair.value for pair in message.label}, at.seconds + at.nanos / 1e9


@settings(max_examples=25)
@given(st.lists(EXEMPLARS, min_size=1, max_size=8))
def test_exemplars_come_back_from_protobuf(found):
    snapshot = with_exemplars(found)
    (h,) = snapshot.values()
    collector = Collector(Snapshots(snapshot))
    (message,) = native(collector).values()
    plain = {key: Histogram.from_bytes(one.to_bytes()) for key, one in snapshot.items()}
    (without,) = native(Collector(Snapshots(plain))).values()
    ascending = sorted(h.exemplars, key=lambda one: one.timestamp)
    assert [read_exemplar(one) for one in message.exemplars] == [
        (one.value, one.labels, pytest.approx(one.timestamp, abs=1e-5)) for one in ascending
    ]
    counts = [(one.cumulative_count, one.upper_bound) for one in message.bucket]
    assert [one for one in counts if one[1] < math.inf] == [
        (one.cumulative_count, one.upper_bound) for one in without.bucket
    ]
    assert [one for one in counts if one[1] == math.inf] in ([], [(h.count, math.inf)])
    assert (message.bucket[-1].upper_bound == math.inf) == any(one.value > 256 for one in h.exemplars)
    (family,) = collector.collect()
    in_text = {float(one.labels["le"]): one.exemplar for one in family.samples if one.exemplar}
    in_buckets = {one.upper_bound: read_exemplar(one.exemplar) for one in message.bucket if one.HasField("exemplar")}
    assert in_buckets == {
        le: (one.value, one.labels, pytest.approx(one.timestamp, abs=1e-5)) for le, one in in_text.items()
    }
    assert native_counts(message) == native_counts(without)
    message.ClearField("exemplars")
    message.ClearField("bucket")
    without.ClearField("bucket")
    assert message == without


def test_a_registry_of_prometheus_client_writes_exemplars_of_a_collector():
    registry, client = Registry(), CollectorRegistry()
    registry.recorder("lookup").record(0.3, exemplar={"trace_id": "a1"})
    registry.recorder("lookup").record(0.7, exemplar={"quoted": 'a\\b"c'})
    client.register(Collector(registry))
    written = core_openmetrics(client).decode()
    assert 'lookup_seconds_bucket{le="0.5"} 1.0 # {trace_id="a1"} 0.3 ' in written
    assert r'lookup_seconds_bucket{le="1.0"} 2.0 # {quoted="a\\b\"c"} 0.7 ' in written


# ---- names ----


@pytest.mark.parametrize(
    ("name", "unit", "metric"),
    [
        ("lookup", "s", "lookup_seconds"),
        ("lookup_seconds", "s", "lookup_seconds"),
        ("lookup", "ms", "lookup_milliseconds"),
        ("lookup", "us", "lookup_microseconds"),
        ("lookup", "ns", "lookup_nanoseconds"),
        ("answer", "bytes", "answer_bytes"),
        ("answer", "MiB", "answer_mebibytes"),
        ("query", "rows", "query_rows"),
        ("rows", "rows", "rows"),
        ("share", "1", "share"),
        ("share", "%", "share_percent"),
    ],
)
def test_the_unit_is_the_suffix(name, unit, metric):
    assert metric_name(name, unit, False) == metric
    registry = registry_of((name, unit, {}, [1.0]))
    (family,) = Collector(registry).collect()
    assert (family.name, family.type) == (metric, "histogram")
    for generate, parse in ((TEXT, read_text), (OPENMETRICS, read_openmetrics)):
        text = exposition([Collector(registry)], Format(generate)).decode()
        assert metric in [found.name for found in parse(text)]


@pytest.mark.parametrize(
    ("name", "unit", "labels", "message"),
    [
        ("db.query", "s", {}, "'db.query' as a name: use 'db_query_seconds'"),
        ("job:query", "s", {}, "'job:query' as a name: use 'job_query_seconds'"),
        ("2fast", "s", {}, "'2fast' as a name: use '_2fast_seconds'"),
        ("délai", "ms", {}, "'délai' as a name: use 'd_lai_milliseconds'"),
        ("a\nb", "s", {}, r"'a\\\\nb' as a name: use 'a_b_seconds'"),
        ("query", "°C", {}, "unit '°C' of 'query' .* use the unit 'C', or '1'"),
        ("query", "€", {}, "unit '€' of 'query' .* use the unit 'unit', or '1'"),
        ("query", "s", {"http.route": "/"}, "'http.route' as a label: use 'http_route'"),
        ("query", "s", {"__name__": "x"}, "'__name__' as a label: use '_name__'"),
        ("query", "s", {"le": "1"}, "'le' as a label of a histogram.*use 'le_'"),
        ("query", "s", {"": "1"}, "'' as a label: use '_'"),
    ],
)
def test_illegal_names_are_refused_with_a_legal_one(name, unit, labels, message):
    registry = registry_of((name, unit, labels, [1.0]))
    with pytest.raises(ValueError, match=message):
        Collector(registry)
    later = Registry()
    collector = Collector(later)
    later.recorder(name, unit=unit, labels=labels)
    for collect in (collector.collect, collector.describe):
        with pytest.raises(ValueError, match=message):
            next(collect())
    (family,) = Collector(registry, underscores=True).collect()
    suggested = re.search(r"use (?:the unit )?'(\w+)'", message)
    assert LEGAL.fullmatch(family.name) and suggested is not None
    assert suggested[1] in {family.name, *family.series[0].labels.pairs, family.unit}


@given(st.text(), st.text(min_size=1), st.booleans())
def test_names_with_underscores_are_legal(text, unit, is_label):
    if is_label:
        found = label_name(text, True)
        assert LEGAL.fullmatch(found) and not found.startswith("__") and found != "le"
        assert label_name(found, True) == label_name(found, False) == found
    else:
        found = metric_name(text, unit, True)
        assert LEGAL.fullmatch(found)
        assert metric_name(found, unit, True) == found


@pytest.mark.parametrize(
    ("recorders", "message"),
    [
        ([("query", "s", {}), ("query_seconds", "s", {"a": 1})], "'query' in 's' and 'query_seconds' in 's'"),
        ([("query", "s", {}), ("query", "seconds", {"a": 1})], "'query' in 's' and 'query' in 'seconds'"),
        ([("query", "s", {}), ("query", "s", {"a": ""})], r"'query' and 'query\{a=\"\"\}' would both be the series"),
        ([("q_rows", "rows", {}), ("q_rows_count", "1", {})], "'q_rows_count' has the name of a series of .* 'q_rows'"),
    ],
)
def test_what_would_be_the_same_series_is_refused(recorders, message):
    with pytest.raises(ValueError, match=message):
        Collector(registry_of(*(one + ([1.0],) for one in recorders)))


def test_what_underscores_make_equal_is_refused():
    with pytest.raises(ValueError, match=r"'a.b' in 's' and 'a_b' in 's' would both be the metric 'a_b_seconds'"):
        Collector(registry_of(("a.b", "s", {}, []), ("a_b", "s", {}, [])), underscores=True)
    with pytest.raises(ValueError, match="has two labels that become 'a_b'"):
        Collector(registry_of(("x", "s", {"a.b": 1, "a_b": 2}, [])), underscores=True)
    with pytest.raises(ValueError, match="would both be the series"):
        Collector(registry_of(("x", "s", {"a.b": 1}, []), ("x", "s", {"a_b": 1}, [])), underscores=True)


def test_wrong_arguments_are_refused():
    for wrong in (None, Histogram(), {}):
        with pytest.raises(TypeError, match=r"takes a historian\.Registry"):
            Collector(wrong)
    for thresholds, kind in (
        ([0.1], TypeError), ({"s": ["1"]}, TypeError), ({"s": [True]}, TypeError), ({"s": []}, ValueError),
        ({"s": [0.0]}, ValueError), ({"s": [math.nan]}, ValueError), ({"s": [math.inf]}, ValueError),
        ({"s": [-1]}, ValueError), ({"s": range(1, 600)}, ValueError),
    ):  # fmt: skip
        with pytest.raises(kind, match=r"buckets must|upper bound of a bucket"):
            Collector(Registry(), buckets=thresholds)


def test_without_prometheus_client_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ImportError, match=r"pip install 'latency-historian\[prometheus\]'"):
        Collector(Registry())


# ---- classic buckets ----


def test_the_default_edges_are_powers_of_2_in_every_unit():
    for unit, first, last, number in [
        ("s", 2.0**-20, 256.0, 23), ("ms", 2.0**-10, 2.0**18, 23), ("us", 1.0, 2.0**28, 23),
        ("ns", 2.0**10, 2.0**38, 23),
        ("min", 2.0**-26, 4.0, 23), ("h", 2.0**-32, 2.0**-4, 23), ("bytes", 64.0, 2.0**40, 18),
        ("rows", 1.0, 2.0**40, 21),
    ]:  # fmt: skip
        bounds = chosen(unit, {}).bounds
        assert (bounds[0], bounds[-1], len(bounds)) == (first, last, number)
        assert all(math.frexp(bound)[0] == 0.5 for bound in bounds)
    middle = [bound for bound in chosen("s", {}).bounds if 2.0**-12 <= bound <= 16]
    assert middle == [2.0**k for k in range(-12, 5)]  # each twice the one before


@given(st.lists(st.floats(min_value=0, max_value=1e300), max_size=50))
def test_classic_counts_are_exact_and_the_edges_never_change(values):
    registry = registry_of(("x", "s", {}, values))
    (family,) = Collector(registry).collect()
    edges = [float(sample.labels["le"]) for sample in family.samples if sample.name == "x_seconds_bucket"]
    assert edges == [*chosen("s", {}).bounds, math.inf]
    counts = [sample.value for sample in family.samples if sample.name == "x_seconds_bucket"]
    assert counts == [sum(value <= edge for value in values) for edge in edges]


@given(st.lists(st.floats(min_value=1e-12, max_value=2.0**64), min_size=1, max_size=20))
def test_a_threshold_becomes_the_edge_above_it(thresholds):
    bounds = chosen("s", {"s": thresholds}).bounds
    assert list(bounds) == sorted({buckets.upper(buckets.index(one)) for one in thresholds})
    for one in thresholds:
        nearest = min(bound for bound in bounds if bound >= one)
        assert one <= nearest <= max(one * buckets.GROWTH * (1 + 1e-15), 2.0**-32)


# ---- text ----


def test_text_is_that_of_prometheus_client():
    registry = registry_of(("lookup", "s", {"table": 'a"b\\c\nd', "db": ""}, [0.01] * 99 + [1.5]))
    collector = Collector(registry, help={"lookup": "Look-ups.\nIn memory."}, buckets={"s": [0.25, 1]})
    text = exposition([collector], Format(OPENMETRICS)).decode()
    created = registry.snapshot().start_of(Key("lookup", table='a"b\\c\nd', db=""))
    assert text == (
        "# HELP lookup_seconds Look-ups.\\nIn memory.\n"
        "# TYPE lookup_seconds histogram\n"
        "# UNIT lookup_seconds seconds\n"
        'lookup_seconds_bucket{le="0.25",table="a\\"b\\\\c\\nd"} 99.0\n'
        'lookup_seconds_bucket{le="1.0",table="a\\"b\\\\c\\nd"} 99.0\n'
        'lookup_seconds_bucket{le="+Inf",table="a\\"b\\\\c\\nd"} 100.0\n'
        'lookup_seconds_count{table="a\\"b\\\\c\\nd"} 100.0\n'
        'lookup_seconds_sum{table="a\\"b\\\\c\\nd"} 2.49\n'
        f'lookup_seconds_created{{table="a\\"b\\\\c\\nd"}} {floatToGoString(created)}\n'
        "# EOF\n"
    )


@given(
    st.lists(st.floats(min_value=0, max_value=1e300), max_size=20),
    st.dictionaries(st.text(max_size=5), st.text(max_size=10), max_size=4),
    st.text(min_size=1, max_size=10),
    st.sampled_from(["s", "ms", "bytes", "rows", "°C", "1"]),
)
def test_hostile_names_and_labels_come_back_from_every_format(values, labels, name, unit):
    registry = Registry()
    try:
        registry.recorder(name, unit=unit, labels=labels).record_many(values)
    except ValueError:  # not valid Unicode
        return
    if len({label_name(label, True) for label in labels}) < len(labels):
        with pytest.raises(ValueError, match="two labels that become"):
            Collector(registry, underscores=True)
        return
    collector = Collector(registry, underscores=True)
    pairs = {label_name(label, True): value for label, value in labels.items() if value}
    metric = metric_name(name, unit, True)
    for found, parse in ((TEXT, read_text), (OPENMETRICS, read_openmetrics)):
        families = list(parse(exposition([collector], Format(found)).decode()))
        samples = {sample.name: sample for family in families for sample in family.samples}
        assert samples[f"{metric}_count"].value == len(values)
        assert samples[f"{metric}_count"].labels == pairs
    ((key, histogram),) = native(collector).items()
    assert key == (metric, *sorted(pairs.items())) and histogram.sample_count == len(values)


def test_it_registers_with_prometheus_client():
    registry = registry_of(("lookup", "s", {"table": "a"}, [0.01]))
    client = CollectorRegistry()
    collector = Collector(registry)
    client.register(collector)
    assert client.get_sample_value("lookup_seconds_count", {"table": "a"}) == 1.0
    with pytest.raises(ValueError, match="Duplicated"):
        core.Histogram("lookup_seconds", "the same name", registry=client)
    text = prometheus_client.generate_latest(client.restricted_registry(["lookup_seconds_sum"])).decode()
    assert text.splitlines()[2:] == ['lookup_seconds_sum{table="a"} 0.01']
    registry.remove(Key("lookup", table="a"))
    assert client.get_sample_value("lookup_seconds_count", {"table": "a"}) is None
    client.unregister(collector)
    assert list(client.collect()) == []


# ---- protobuf ----

#: Values in all parts of the layout: the zero bucket, edges, gaps, single buckets, overflow.
values = st.one_of(
    st.floats(min_value=0, max_value=1.7e308),
    st.integers(-2048, 4095).map(buckets.upper),
    st.sampled_from([0.0, 2.0**-32, 2.0**64, 1.7e308, 5e-324]),
    st.floats(min_value=0.9, max_value=1.1),
)


@given(st.lists(st.tuples(values, st.integers(1, 2**40)), max_size=80))
def test_native_buckets_hold_every_count(pairs):
    registry = Registry()
    recorder = registry.recorder("x")
    for value, count in pairs:
        recorder.record(value, count=count)
    h = recorder.snapshot()
    (found,) = native(Collector(registry)).values()
    expected = dict(zip(h.indices.tolist(), h.counts.tolist()))
    zero, overflow = expected.pop(buckets.ZERO_INDEX, 0), expected.pop(buckets.OVERFLOW_INDEX, 0)
    counts = {index + 1: count for index, count in expected.items()}
    if overflow:
        counts[64 * 1024 + 1] = overflow
    assert native_counts(found) == counts
    assert (found.schema, found.zero_threshold, found.zero_count) == (6, 2.0**-32, zero)
    assert found.sample_count == h.count == sum(counts.values()) + zero
    assert found.sample_sum == h.sum
    classic = {bucket.upper_bound: bucket.cumulative_count for bucket in found.bucket}
    assert classic == {edge: h.count - round(h.sf(edge) * h.count) if h.count else 0 for edge in classic}
    assert tuple(classic) == chosen("s", {}).bounds


def test_gaps_of_two_are_filled_and_longer_ones_begin_a_span():
    registry = Registry()
    recorder = registry.recorder("x")
    for index in (10, 11, 14, 18, 19):  # between them: none, two, three
        recorder.record(buckets.upper(index), count=index)
    (found,) = native(Collector(registry)).values()
    # Prometheus' number is the index plus 1.  The second offset counts the empty buckets 15, 16 and 17.
    assert [(span.offset, span.length) for span in found.positive_span] == [(11, 5), (3, 2)]
    assert list(found.positive_delta) == [10, 1, -11, 0, 14, 4, 1]


def test_a_full_recorder_and_the_largest_counts_fit():
    indices = range(buckets.ZERO_INDEX, buckets.OVERFLOW_INDEX + 1)
    full = Histogram.from_dict(
        {**Histogram().to_dict(), "indices": list(indices), "counts": [1 + i % 2 * (2**50) for i in range(6146)],
         "count": 6146 + 3073 * 2**50, "min": 0.0, "max": 1e300, "sum": 1e300}
    )  # fmt: skip
    apart = Histogram.from_dict(
        {**Histogram().to_dict(), "indices": list(indices)[1:-1:4], "counts": [2**52] * 1536,
         "count": 1536 * 2**52, "min": 2.0**-32 * 1.001, "max": buckets.representative(4092), "sum": 1e18}
    )  # fmt: skip

    class Source:
        def snapshot(self):
            return {Key("full"): full, Key("apart"): apart}

    found = native(Collector(Source()))
    for name, h in (("full", full), ("apart", apart)):
        histogram = found[f"{name}_seconds",]
        assert sum(native_counts(histogram).values()) + histogram.zero_count == h.count
    assert len(found["apart_seconds",].positive_span) == 1536


def test_an_empty_recorder_is_a_native_histogram():
    registry = registry_of(("x", "s", {}, []))
    (found,) = native(Collector(registry)).values()
    assert (found.sample_count, found.sample_sum, len(found.positive_span)) == (0, 0.0, 0)
    assert found.zero_threshold > 0  # by which a server tells it from a classic one


def test_a_sum_beyond_float64_and_synthetic_counts():
    registry = registry_of(("x", "s", {}, [1.7e308, 1.7e308]))
    registry.recorder("x").record_corrected(1.0, 0.1)
    (found,) = native(Collector(registry)).values()
    assert found.sample_sum == math.inf and found.sample_count == 12
    for text in (TEXT, OPENMETRICS):
        assert b"x_seconds_sum +Inf\n" in exposition([Collector(registry)], Format(text))


# ---- starts ----


def test_the_start_is_that_of_the_recorder_or_of_its_last_drain():
    before = time.time()
    registry = Registry()
    recorder = registry.recorder("x")
    first = registry.snapshot().start_of(Key("x"))
    assert before <= first <= time.time()
    recorder.record(1.0)
    (found,) = native(Collector(registry)).values()
    stamp = found.created_timestamp
    assert stamp.seconds + stamp.nanos / 1e9 == pytest.approx(first, abs=1e-5)
    assert registry.snapshot().start_of(Key("x")) == first
    recorder.drain()
    second = registry.snapshot().start_of(Key("x"))
    assert first < second <= time.time()
    (found,) = native(Collector(registry)).values()
    assert found.created_timestamp.seconds == int(second)


@pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")
def test_the_start_in_a_directory_is_known_until_it_is_drained(tmp_path):
    before = time.time()
    registry = Registry(tmp_path / "d")
    recorder = registry.recorder("x")
    recorder.record(1.0)
    elsewhere = Registry(tmp_path / "d").snapshot()
    assert before <= elsewhere.start_of(Key("x")) <= time.time()
    assert registry.snapshot().start_of(Key("x")) == elsewhere.start_of(Key("x"))
    recorder.drain()
    assert registry.snapshot().start_of(Key("x")) is None
    (found,) = native(Collector(registry)).values()
    assert not found.HasField("created_timestamp")
    assert b"_created" not in exposition([Collector(registry)], Format(TEXT))


def test_starts_stay_with_a_selection_and_a_pickle():
    import pickle

    registry = registry_of(("x", "s", {}, [1.0]), ("y", "s", {}, [1.0]))
    snapshot = registry.snapshot()
    start = snapshot.start_of(Key("x"))
    assert snapshot.select("x").start_of(Key("x")) == start
    assert snapshot.select("x").start_of(Key("y")) is None
    assert pickle.loads(pickle.dumps(snapshot)).start_of(Key("x")) == start
    assert snapshot.by().start_of(Key("x")) is None  # merged: of several recorders
    assert Snapshot({Key("x"): Histogram()}).start_of(Key("x")) is None


# ---- metrics of prometheus_client ----


def client_registry():
    client = CollectorRegistry()
    core.Counter("hits", "Hits.", ["page"], registry=client).labels("/").inc(3, exemplar={"trace_id": "abc"})
    core.Gauge("heat", "Heat.", registry=client).set(-1.5)
    core.Info("build", "Build.", registry=client).info({"version": "1"})
    core.Enum("state", "State.", states=["up", "down"], registry=client).state("up")
    summary = core.Summary("size_bytes", "Sizes.", registry=client)
    summary.observe(4)
    histogram = core.Histogram("old_seconds", "Old.", ["page"], buckets=(0.1, 1.0), registry=client)
    histogram.labels("/").observe(0.5, exemplar={"trace_id": "def"})
    return client


class Extra:
    """Families that only custom collectors make."""

    def collect(self):
        quantiles = core.Metric("q", "Quantiles.", "summary")
        quantiles.add_sample("q", {"quantile": "0.5"}, 2.0)
        quantiles.add_sample("q_count", {}, 4.0)
        quantiles.add_sample("q_sum", {}, 8.0)
        yield quantiles
        unknown = core.UnknownMetricFamily("u", "Unknown.", labels=["a"])
        unknown.add_metric(["1"], 7.0, timestamp=1_700_000_000.5)
        yield unknown
        gauge = core.GaugeHistogramMetricFamily("g", "Gauge histogram.")
        gauge.add_metric([], [("1", 0.5), ("+Inf", 3)], 4.5)
        yield gauge
        negative = core.HistogramMetricFamily("n", "Negative.")
        negative.add_metric([], [("-1", 2), ("+Inf", 3)], None)
        yield negative


def test_all_metrics_of_prometheus_client_are_in_protobuf():
    families = {one.name: one for one in read_families(exposition([client_registry(), Extra()], Format(PROTOBUF)))}
    kinds = {name: family.type for name, family in families.items()}
    assert kinds == {
        "hits_total": 0, "heat": 1, "build_info": 1, "state": 1, "size_bytes": 2, "old_seconds": 4, "q": 2, "u": 3,
        "g": 5, "n": 4,
    }  # fmt: skip
    (hits,) = families["hits_total"].metric
    assert labels_of(hits) == {"page": "/"} and hits.counter.value == 3.0
    assert (labels_of(hits.counter.exemplar), hits.counter.exemplar.value) == ({"trace_id": "abc"}, 3.0)
    assert hits.counter.created_timestamp.seconds > 1.7e9
    assert families["heat"].metric[0].gauge.value == -1.5
    (build,) = families["build_info"].metric
    assert labels_of(build) == {"version": "1"} and build.gauge.value == 1.0
    assert {tuple(labels_of(one).items()): one.gauge.value for one in families["state"].metric} == {
        (("state", "up"),): 1.0, (("state", "down"),): 0.0,
    }  # fmt: skip
    summary = families["size_bytes"].metric[0].summary
    assert (summary.sample_count, summary.sample_sum) == (1, 4.0) and summary.HasField("created_timestamp")
    (old,) = families["old_seconds"].metric
    assert labels_of(old) == {"page": "/"} and (old.histogram.sample_count, old.histogram.sample_sum) == (1, 0.5)
    assert [(one.upper_bound, one.cumulative_count) for one in old.histogram.bucket] == [
        (0.1, 0),
        (1.0, 1),
        (math.inf, 1),
    ]
    assert labels_of(old.histogram.bucket[1].exemplar) == {"trace_id": "def"}
    assert not old.histogram.HasField("schema")
    q = families["q"].metric[0].summary
    assert (q.sample_count, q.sample_sum) == (4, 8.0) and [(one.quantile, one.value) for one in q.quantile] == [
        (0.5, 2.0)
    ]
    (u,) = families["u"].metric
    assert u.untyped.value == 7.0 and u.timestamp_ms == 1_700_000_000_500
    g = families["g"].metric[0].histogram
    assert (g.sample_count, g.sample_sum, g.bucket[0].cumulative_count_float) == (3, 4.5, 0.5)
    n = families["n"].metric[0].histogram
    assert n.sample_count == 3 and not n.HasField("sample_sum")


def test_native_histograms_of_prometheus_client_stay_native():
    samples = pytest.importorskip("prometheus_client.samples")
    if not hasattr(samples, "NativeHistogram"):
        pytest.skip("this prometheus_client has no native histograms")
    span = samples.BucketSpan
    given = samples.NativeHistogram(7, 3.5, 3, 0.001, 1, [span(-2, 1), span(3, 1)], [span(0, 1)], [2, -1], [3])

    class Native:
        def collect(self):
            found = core.Metric("x", "Native.", "histogram")
            found.add_sample("x", {"a": "1"}, None, native_histogram=given)
            yield found

    (family,) = read_families(exposition([Native()], Format(PROTOBUF)))
    found = family.metric[0].histogram
    assert (found.sample_count, found.sample_sum, found.schema, found.zero_threshold, found.zero_count) == (
        7, 3.5, 3, 0.001, 1,
    )  # fmt: skip
    assert [(one.offset, one.length) for one in found.positive_span] == [(-2, 1), (3, 1)]
    assert list(found.positive_delta) == [2, -1] and list(found.negative_delta) == [3]
    assert [(one.offset, one.length) for one in found.negative_span] == [(0, 1)]


def test_a_collector_in_a_client_registry_is_native_too():
    client = client_registry()
    client.register(Collector(registry_of(("lookup", "s", {}, [0.01]))))
    families = {one.name: one for one in read_families(exposition([client], Format(PROTOBUF)))}
    assert families["lookup_seconds"].metric[0].histogram.schema == 6
    assert families["lookup_seconds"].unit == "seconds"
    assert families["hits_total"].metric[0].counter.value == 3.0


def test_names_that_are_not_legal_of_others_follow_the_escaping():
    class Dotted:
        def collect(self):
            yield core.GaugeMetricFamily("heat.inside", "Heat.", value=1.0)

    def name(escaping):
        (family,) = read_families(exposition([Dotted()], Format(PROTOBUF, escaping)))
        return family.name

    assert (name(""), name("underscores"), name("allow-utf-8")) == ("heat_inside", "heat_inside", "heat.inside")
    assert b'{"heat.inside"} 1.0' in exposition([Dotted()], Format(TEXT, "allow-utf-8"))


def test_two_sources_with_one_name_are_refused():
    ours = Collector(registry_of(("old", "s", {}, [0.01])))
    for found in (PROTOBUF, TEXT):
        with pytest.raises(ValueError, match="two sources have the metric 'old_seconds'"):
            exposition([ours, client_registry()], Format(found))
        with pytest.raises(ValueError, match="two sources have the metric 'old_seconds'"):
            exposition([client_registry(), ours], Format(found))
    assert exposition([client_registry(), client_registry()], Format(TEXT))  # not ours to judge
