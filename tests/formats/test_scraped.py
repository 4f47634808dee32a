"""Text for Prometheus as histograms: counts at bounds, quantiles as `histogram_quantile` gives them, hostile text."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import historian
from historian import Histogram, Key, Recorder, Registry
from historian.formats.prometheus import Collector, from_text
from historian.formats.prometheus._scraped import MAX_SAMPLES

PAGE = """\
# HELP http_request_seconds Time of a request, with a \\n in its help.
# TYPE http_request_seconds histogram
http_request_seconds_bucket{code="200",path="/a\\"b\\\\c\\nd",le="0.1"} 90
http_request_seconds_bucket{code="200",path="/a\\"b\\\\c\\nd",le="0.2"} 100
http_request_seconds_bucket{code="200",path="/a\\"b\\\\c\\nd",le="+Inf"} 103 1719000000000
http_request_seconds_sum{code="200",path="/a\\"b\\\\c\\nd"} 7.5
http_request_seconds_count{code="200",path="/a\\"b\\\\c\\nd"} 103
http_request_seconds_bucket{code="500",le="0.1",} 0
http_request_seconds_bucket { code = "500" , le = "0.2" } 1.0e1
http_request_seconds_bucket{code="500",le="+Inf"}\t10
http_request_seconds_sum{code="500"} 1.5
http_request_seconds_count{code="500"} 10

# TYPE go_gc_duration_seconds summary
go_gc_duration_seconds{quantile="0.5"} 3e-05
go_gc_duration_seconds_sum 1
go_gc_duration_seconds_count 2
process_cpu_seconds_total 12.5
up NaN
"""

OPENMETRICS = """\
# TYPE size_bytes histogram
# UNIT size_bytes bytes
# HELP size_bytes Sizes.
size_bytes_bucket{le="1024.0"} 3 # {trace_id="abc # 1"} 700.0 1719000000.5
size_bytes_bucket{le="2048.0"} 7
size_bytes_bucket{le="+Inf"} 7
size_bytes_count 7
size_bytes_sum 5000.5
size_bytes_created 1719000000.25
# TYPE rows histogram
# UNIT rows rows
rows_bucket{le="1.0"} 1
rows_bucket{le="+Inf"} 1
# EOF
"""


def series(name, bounds, counts, total=None):
    """Return the lines of a histogram, from the counts of its buckets; the last one has no bound."""
    lines, running = [], 0
    for bound, count in zip([*map(repr, bounds), "+Inf"], counts):
        running += count
        lines.append(f'{name}_bucket{{le="{bound}"}} {running}\n')
    return "".join([*lines, f"{name}_sum {total!r}\n" if total is not None else ""])


def test_several_series_by_labels():
    slow, fast = sorted(from_text(PAGE), key=lambda one: one.histogram.count)
    assert fast.key == Key("http_request_seconds", code="200", path='/a"b\\c\nd')
    assert slow.key == Key("http_request_seconds", code="500")
    h = fast.histogram
    assert (h.count, h.sum, h.unit, h.synthetic) == (103, 7.5, "s", True)
    assert (h.cdf(0.1), h.cdf(0.2)) == (90 / 103, 100 / 103)
    assert (fast.below, fast.above, fast.start) == (90, 3, None)
    assert fast.relative_error == pytest.approx(2 * 1.005415 - 1)
    assert (slow.below, slow.above, slow.histogram.cdf(0.1), slow.histogram.cdf(0.2)) == (0, 0, 0, 1)
    assert (slow.histogram.max, slow.histogram.quantile(0.5)) == (0.2, pytest.approx(0.15, rel=0.006))


def test_open_metrics():
    size, rows = from_text(OPENMETRICS.encode())
    assert (size.histogram.unit, size.histogram.count, size.histogram.sum) == ("bytes", 7, 5000.5)
    assert (size.start, rows.start, rows.histogram.unit) == (1719000000.25, None, "rows")


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("a_seconds", "s"), ("a_milliseconds", "ms"), ("a_bytes", "bytes"), ("a_ratio", "1"), ("a", "1"),
        ("a_percent", "%"), ("seconds", "s"),
    ],
)  # fmt: skip
def test_the_name_tells_the_unit(name, unit):
    assert from_text(series(name, [1.0], [1, 0]))[0].histogram.unit == unit
    other = from_text(series(name, [1.0], [1, 0]), unit="ms")[0].histogram.unit
    assert other == ("ms" if name == "a" else unit)
    with pytest.raises(ValueError, match="unit must be"):
        from_text("", unit="\n")


def test_names_in_quotation_marks():
    text = '{"http.server.duration_bucket",le="1"} 2\n{"http.server.duration_bucket",le="+Inf","a b"="c"} 2\n'
    with pytest.raises(ValueError, match=r"line 1: http.server.duration has no bucket le='\+Inf': it is cut short"):
        from_text(text)
    one = from_text(text.replace(',"a b"="c"', "").replace("}", ',"a b"="c"}'))[0]
    assert one.key == Key("http.server.duration", **{"a b": "c"})


def quantile_of_prometheus(q, bounds, counts):
    """Return what `histogram_quantile` answers: linear between the bounds, from 0 on, and the last bound at most."""
    rank, before = q * sum(counts), 0
    for low, high, count in zip([0.0, *bounds], bounds, counts):
        if before + count >= rank:
            return low + (high - low) * (rank - before) / count
        before += count
    return bounds[-1]


@pytest.mark.parametrize("seed", range(5))
def test_quantiles_are_those_of_histogram_quantile(seed):
    rng = random.Random(seed)
    bounds = sorted({round(rng.lognormvariate(-2, 2), 4) for _ in range(12)})
    counts = [rng.randrange(1000, 10**6) for _ in range(len(bounds) + 1)]
    h = from_text(series("x_seconds", bounds, counts))[0].histogram
    for q in (0.001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999):
        assert h.quantile(q) == pytest.approx(quantile_of_prometheus(q, bounds, counts), rel=0.0109)


def test_the_bound_of_the_error_holds_and_the_typical_error_is_as_documented():
    """Of 100,000 lognormal latencies, in buckets that double."""
    rng = random.Random(5)
    values = sorted(rng.lognormvariate(-3, 1) for _ in range(100_000))
    bounds = [2.0**k for k in range(-12, 5)]
    counts = [sum(low < v <= high for v in values) for low, high in zip([-1.0, *bounds], [*bounds, math.inf])]
    found = from_text(series("x_seconds", bounds, counts, math.fsum(values)))[0]
    assert found.relative_error == pytest.approx(1.0108, abs=1e-4)
    errors = [abs(found.histogram.quantile(k / 1000) / values[k * 100 - 1] - 1) for k in range(1, 1000)]
    assert max(errors) == pytest.approx(0.224, abs=1e-3)
    assert sorted(errors)[len(errors) // 2] == pytest.approx(0.040, abs=1e-3)
    assert found.histogram.mean == pytest.approx(math.fsum(values) / 100_000, rel=1e-15)


def test_what_the_collector_shows_is_read_back_exactly_at_its_bounds():
    pytest.importorskip("prometheus_client")
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.openmetrics import exposition as openmetrics

    registry, shown, rng = Registry(), CollectorRegistry(), random.Random(3)
    for unit, labels in (("s", {"a": "1"}), ("s", {"a": '"\\\n'}), ("bytes", {}), ("rows", {})):
        values = [rng.lognormvariate(-3 if unit == "s" else 9, 2) for _ in range(1000)]
        registry.recorder("lookup" if unit == "s" else unit, unit=unit, **labels).record_many(values)
    registry.recorder("never")
    shown.register(Collector(registry))
    snapshot = registry.snapshot()
    for text in (generate_latest(shown), openmetrics.generate_latest(shown)):
        found = from_text(text)
        assert len(found) == len(snapshot)
        for one, (key, h) in zip(sorted(found), sorted(snapshot.items())):
            assert one.key.labels == key.labels
            assert one.histogram.unit in (h.unit, "1" if key.name == "rows" else "")  # only OpenMetrics tells it
            assert (one.histogram.count, one.histogram.sum) == (h.count, h.sum)
            if h.count:
                bounds = [2.0**k for k in range(-20, 40)]
                some = [
                    t for t in bounds if (h.unit == "s" and -12 <= math.log2(t) <= 4) or math.log2(t) in (6, 10, 20)
                ]
                assert [one.histogram.cdf(t) for t in some] == [h.cdf(t) for t in some]


def test_zeros_and_empty_histograms():
    zeros, empty = from_text(series("a", [0.0, 1.0], [5, 0, 0], 0) + series("b", [1.0], [0, 0], 0))
    assert (zeros.histogram.zero_count, zeros.histogram.max, zeros.below, zeros.relative_error) == (5, 0, 0, 0)
    assert (empty.histogram.count, empty.relative_error) == (0, 0)
    negative = from_text(series("a", [-1.0, 1.0], [0, 4, 0]))[0]
    assert (negative.histogram.count, negative.below) == (4, 4)


def test_buckets_that_are_narrower_than_ours_and_beyond_the_range():
    bounds = [1.0, 1.001, 1.002, 2.0**65, 2.0**70, 1e300]
    h = from_text(series("a", bounds, [1, 1, 1, 1, 1, 1, 1]))[0].histogram
    assert (h.count, h.overflow_count, h.max) == (7, 4, 1e300)
    assert h.cdf(1.0) == 1 / 7
    assert Histogram.from_bytes(h.to_bytes()) == h == Histogram.from_dict(h.to_dict())


def test_counts_up_to_the_limit():
    h = from_text(series("a", [1.0, 2.0], [2**62, 2**62 - 1, 0]))[0].histogram
    assert (h.count, h.cdf(1.0)) == (2**63 - 1, 2**62 / (2**63 - 1))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a b c\n", "line 1: a time stamp must be a number, not 'c'"),
        ("a\n", "line 1: not a sample"),
        ("\nx_bucket{le=\"1\" 3\n", "line 2: not a sample"),
        ('x_bucket{le="1"}3\nx_bucket{le="+Inf"} -3\n', "line 2: a count must be a whole number from 0 on"),
        ('x_bucket{le="1"} 0.5\n', "line 1: a count must be a whole number"),
        ('x_bucket{le="1"} NaN\n', "line 1: a count must be a whole number"),
        ('x_bucket{le="1"} 9223372036854775808\n', "line 1: a count must be a whole number"),
        ('x_bucket{le="1"} 1_0\n', "line 1: a value must be a number, not '1_0'"),
        ('x_bucket{le="1"} 0x1p3\n', "line 1: a value must be a number"),
        ('x_bucket{le="1"} 1 soon\n', "line 1: a time stamp must be a number"),
        ('x_bucket{le="one"} 1\n', "line 1: the bound le of a bucket must be a number, not 'one'"),
        ('x_bucket{le="NaN"} 1\n', "line 1: the bound le of a bucket must be a number"),
        ('x_bucket{le="-Inf"} 1\n', "line 1: the bound le of a bucket must be a number"),
        ('x_bucket{le="1",le="1"} 1\n', "line 1: the label 'le' comes twice"),
        ('x_bucket{le} 1\n', "line 1: the label 'le' has no value"),
        ('x_bucket{le="1" a="2"} 1\n', "line 1: not a label"),
        ('x_bucket{le="\\q"} 1\n', "line 1: there is no escape sequence"),
        ('{le="1"} 1\n', "line 1: a sample has one name, not none"),
        ('x_bucket{"y_bucket",le="1"} 1\n', "line 1: a sample has one name, not two"),
        (series("x", [1.0], [1, 0]).replace("+Inf", "2"), r"line 2: x has no bucket le='\+Inf': it is cut short"),
        (series("x", [], [1]), r"line 1: x has no bucket but le='\+Inf', so nothing tells where"),
        (series("x", [1.0], [5, -1]), "line 2: x counts fewer values at a higher bound"),
        (series("x", [1.0], [1, 0]) + "x_count 2\n", "line 2: x has the count 2, and 1 in its buckets"),
        (series("x", [-1.0, 1.0], [1, 0, 0]), "line 3: x counts negative values"),
        (series("x", [1.0], [1, 0], -1.0), "line 2: x has the negative sum -1.0"),
        (series("x", [1.0], [1, 0]) * 2, r"line 3: x has the bucket le='1.0' twice"),
        (2 * (series("x", [1.0], [1, 0]) + series("y", [1.0], [1, 0])), "line 5: the metric 'x' comes twice: keep"),
        (OPENMETRICS + "a 1\n", "text after # EOF: keep scrapes in files of their own"),
        (b"a 1\n\xff\n", "line 2: not UTF-8 text"),
    ],
)  # fmt: skip
def test_what_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        from_text(text)


def test_only_text_is_taken():
    with pytest.raises(TypeError, match="text must be a string or bytes, not list"):
        from_text([PAGE])


def test_a_metric_may_not_take_endless_memory(monkeypatch):
    monkeypatch.setattr(historian.formats.prometheus._scraped, "MAX_SAMPLES", 100)
    assert MAX_SAMPLES > 100
    text = "".join(f'x_bucket{{le="{k}"}} {k}\n' for k in range(101))
    with pytest.raises(ValueError, match="line 101: the metric 'x' has more than 100 samples"):
        from_text(text)


@given(
    st.lists(st.floats(0, 1e6, exclude_min=True), min_size=1, max_size=10, unique=True),
    st.data(),
)
def test_laws(bounds, data):
    """All values are counted, `cdf` is exact at bounds that are not in one bucket, and the histogram is valid."""
    bounds = sorted(bounds)
    counts = data.draw(st.lists(st.integers(0, 10**15), min_size=len(bounds) + 1, max_size=len(bounds) + 1))
    h = from_text(series("x", bounds, counts))[0].histogram
    assert h.count == sum(counts)
    assert Histogram.from_bytes(h.to_bytes()) == h == Histogram.from_dict(h.to_dict())
    running = 0
    for k, bound in enumerate(bounds):
        running += counts[k]
        after = bounds[k + 1] if k + 1 < len(bounds) else math.inf
        if after > 1.1 * bound > 1e-9 and h.count:
            assert h.cdf(bound) == running / h.count


def test_a_recorder_beside_it():
    """What is read can be merged with what is recorded: units agree."""
    rec = Recorder("x")
    rec.record(0.15)
    assert (from_text(PAGE)[1].histogram + rec.snapshot()).count == 11
