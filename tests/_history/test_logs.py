"""Logs of HdrHistogram as histories, and back: public files through it are exact in counts."""

from pathlib import Path

import pytest

from historian import Histogram, History, Interval, Key, merge
from historian.formats import hdr

DATA = Path(__file__).parents[1] / "data" / "hdrhistogram"
SHARED = Path(__file__).parents[3] / "shared" / "data"
ONE = Histogram.from_values([0.010, 0.25])


def logs():
    found = [DATA / "java.hlog", *sorted(SHARED.glob("*.hlog"))]
    return [pytest.param(path, id=path.stem) for path in found]


@pytest.mark.parametrize("path", logs())
def test_public_files_through_a_history_are_exact_in_counts(path, tmp_path):
    log = hdr.read_log(path, values="ns")
    history = History.from_log(log)
    assert history.total() == merge(line.histogram for line in log)
    for tag in log.tags:
        lines = [line for line in log if line.tag == tag]
        part = history.select("latency", tag=tag or "")
        assert part.total() == merge(line.histogram for line in lines)
        filled = [one.count for one in part if one.count]
        assert filled == [line.histogram.count for line in lines if line.histogram.count]
    back = hdr.Log.of(history)
    assert back.tags == log.tags or sorted(map(str, back.tags)) == sorted(map(str, log.tags))
    hdr.write_log(tmp_path / "again.hlog", back, values="ns")
    again = History.from_log(hdr.read_log(tmp_path / "again.hlog", values="ns"))
    assert [(one.start, one.end) for one in again] == [(one.start, one.end) for one in history]
    for former, one in zip(history, again):
        assert one.histograms.keys() == former.histograms.keys()
        for key, histogram in former.histograms.items():
            assert one.histograms[key].counts.tolist() == histogram.counts.tolist()
            if histogram.min > 1e-9:  # java.hlog has one value of half a nanosecond, which whole ones cannot hold
                assert one.histograms[key].indices.tolist() == histogram.indices.tolist()


def test_the_large_public_file_is_there():
    if not (SHARED / "jHiccup-2.0.7S.logV2.hlog").exists():
        pytest.skip("there is no jHiccup-2.0.7S.logV2.hlog in ../shared/data")
    history = History.from_log(hdr.read_log(SHARED / "jHiccup-2.0.7S.logV2.hlog", values="ns"))
    assert len(history) == 62
    with pytest.raises(ValueError, match="partial='keep'"):
        history.resample("10s")  # its seconds take 0.996 to 1.009 s
    assert history.resample("10s", partial="keep").total() == history.total()


def line(start, end, tag=None):
    return hdr.Interval(start, end, ONE, tag)


def test_tags_are_labels():
    log = hdr.Log([line(0, 1), line(0, 1, "A"), line(1, 2, "A")])
    assert History.from_log(log).keys == (Key("latency"), Key("latency", tag="A"))
    history = History.from_log(log, name="get", label="route")
    assert history.keys == (Key("get"), Key("get", route="A"))
    assert [len(one.histograms) for one in history] == [2, 1]
    assert History.from_log(hdr.Log()) == History()
    assert History.from_log([line(0, 1)]) == History([Interval(0, 10**9, {"latency": ONE})])


def test_rounded_times_do_not_overlap():
    history = History.from_log([line(0.127, 1.135), line(1.134, 2.0), line(3.0, 3.0)])
    assert history.starts.tolist() == [127_000_000, 1_134_000_000, 3_000_000_000]
    assert history.ends.tolist() == [1_134_000_000, 2_000_000_000, 3_001_000_000]


def test_times_of_floats_are_those_that_were_written():
    (only,) = History.from_log([line(1441812280.608, 1441812280.608 + 0.999)])
    assert (only.start, only.end) == (1_441_812_280_608_000_000, 1_441_812_281_607_000_000)


def test_logs_that_overlap_are_refused():
    with pytest.raises(ValueError, match="intervals with tag 'A' must not overlap, as those from 1970-01-01T00:00Z"):
        History.from_log([line(0, 1, "A"), line(0.5, 2, "A")])
    with pytest.raises(ValueError, match="intervals without a tag must not overlap"):
        History.from_log([line(0, 1), line(0, 1)])
    with pytest.raises(ValueError, match="cross"):
        History.from_log([line(0, 1), line(0.5, 2, "A")])
    with pytest.raises(TypeError, match=r"takes a log, as hdr.read_log\(\) returns it"):
        History.from_log([ONE])


def test_a_log_of_a_history():
    held = {Key("get", tag="A"): ONE, Key("get"): ONE}
    log = hdr.Log.of(History([Interval(10**9, 2 * 10**9, held), Interval(2 * 10**9, 3 * 10**9, {})]))
    assert list(log) == [line(1, 2), line(1, 2, "A")]
    assert log.start_time == 1
    assert len(hdr.Log.of(History())) == 0
    routes = History([Interval(0, 1, {Key("get", route="/a"): ONE, Key("put", route="/b"): ONE})])
    assert hdr.Log.of(routes, tags=lambda key: dict(key.labels)["route"]).tags == ("/a", "/b")


def test_keys_that_no_tag_says_are_refused():
    routes = History([Interval(0, 1, {Key("get", route="/a"): ONE, Key("get", route="/b"): ONE})])
    with pytest.raises(ValueError, match=r"no labels such as those of get\{route=/a\}: pass tags="):
        hdr.Log.of(routes)
    with pytest.raises(ValueError, match=r"no names such as 'get' and 'put': select\(\) one"):
        hdr.Log.of(History([Interval(0, 1, {"get": ONE, "put": ONE})]))
    with pytest.raises(ValueError, match="2 keys have only 1 tags"):
        hdr.Log.of(routes, tags=lambda _: "x")
