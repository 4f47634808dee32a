"""Logs of HdrHistogram: peers' files, what Java wrote, what the Python port reads."""

import copy
import io
import pickle
from pathlib import Path

import pytest

from historian import Histogram, merge
from historian.formats import hdr
from historian.formats.hdr._log import is_log

DATA = Path(__file__).parents[1] / "data" / "hdrhistogram"
SHARED = Path(__file__).parents[3] / "shared" / "data"
JHICCUP = SHARED / "jHiccup-2.0.7S.logV2.hlog"
JAVA = DATA / "java.hlog"

HEADER = (
    "#[Histogram log format version 1.3]\n#[StartTime: 1441812279.474 (seconds since epoch), Wed Sep 09 15:24:39 UTC "
    '2015]\n"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"\n'
)
ONE = hdr.HdrHistogram(3, 1, 3_600_000_000_000, [1000], [7]).to_base64()


def read(text: str, **options) -> hdr.Log:
    return hdr.read_log(io.BytesIO(text.encode()), values="ns", **options)


def lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line[0] not in '#"']


@pytest.fixture
def jhiccup() -> hdr.Log:
    if not JHICCUP.exists():
        pytest.skip(f"there is no {JHICCUP.name} in ../shared/data")
    return hdr.read_log(JHICCUP, values="ns")


def test_a_log_of_java():
    log = hdr.read_log(JAVA, values="ns")
    assert len(log) == 6
    assert log.tags == (None, "A", "D")
    assert (log.start_time, log.base_time) == (1441812279.474, 1441812279.474)
    assert log.comments == ("[made by a test]", "[Histogram log format version 1.3]")
    assert [interval.histogram.count for interval in log] == [50, 50, 50, 50, 50, 1]
    assert log[0].start == pytest.approx(1441812279.601)
    assert log[0].end - log[0].start == pytest.approx(1)
    assert log[0].histogram.max == pytest.approx(0.017121, rel=1e-4)  # the third column, in ms
    assert log[5].hdr is not None
    assert log[5].hdr.percentile(100) == pytest.approx(0.5, rel=0.001)  # of a histogram of doubles
    assert repr(log) == "<Log of 6 intervals in 7.0 s>"
    assert len(log[1:3]) == 2


@pytest.mark.parametrize("name", ["java", "jhiccup"])
def test_written_again_to_the_same_lines(name, tmp_path, request):
    path = JAVA if name == "java" else JHICCUP
    log = hdr.read_log(JAVA, values="ns") if name == "java" else request.getfixturevalue("jhiccup")
    hdr.write_log(tmp_path / "again.hlog", log, values="ns")
    for line, again in zip(lines(path), lines(tmp_path / "again.hlog"), strict=True):
        start, encoded = line.rsplit(",", 1)
        start_again, encoded_again = again.rsplit(",", 1)
        assert start == start_again
        one, other = hdr.decode(encoded), hdr.decode(encoded_again)
        assert one.encode(compressed=False) == other.encode(compressed=False)
    again_log = hdr.read_log(tmp_path / "again.hlog", values="ns")
    assert again_log[:] == log[:]
    assert again_log.start_time == log.start_time
    if name == "java":  # the whole file
        header = "".join(JAVA.read_text().splitlines(keepends=True)[:5])
        assert (tmp_path / "again.hlog").read_text().startswith(header)


def test_jhiccup(jhiccup):
    """Peers assert p99.9 and the maximum after they add the lowest values of all indices to a histogram of 3 digits."""
    assert len(jhiccup) == 62
    assert sum(interval.histogram.count for interval in jhiccup) == 48_761
    layout = hdr.HdrHistogram(3, 1, 3_600_000_000_000, [], [])._parts.layout
    counts: dict[int, int] = {}
    for interval in jhiccup:
        theirs = interval.hdr
        for index, count in zip(theirs.indices, theirs.counts):
            at = layout.index(theirs._parts.layout.range(index)[0])
            counts[at] = counts.get(at, 0) + count
    total = hdr.HdrHistogram(3, 1, 3_600_000_000_000, sorted(counts), [counts[k] for k in sorted(counts)])
    assert (total.count, total.percentile(99.9), total.max) == (48_761, 1745879039, 1796210687)
    merged = merge(interval.histogram for interval in jhiccup)
    assert merged.count == 48_761
    assert merged.percentile(99.9) == pytest.approx(1.745879039, rel=0.0133)
    assert merged.max == pytest.approx(1.796210687, rel=0.0133)


# ---- time stamps ----


@pytest.mark.parametrize(
    ("header", "stamp", "start"),
    [
        ("", "5.000", 5),
        ("#[StartTime: 1441812279.474 (seconds since epoch), x]\n", "5.000", 1441812284.474),  # relative
        ("#[StartTime: 1441812279.474 (seconds since epoch), x]\n", "1441812280.000", 1441812280),  # absolute
        ("#[StartTime: 1441812279.474 (seconds since epoch), x]\n", "1441812200.000", 1441812200),  # a bit early
        ("#[StartTime: 1441812279.474 (seconds), x]\n#[BaseTime: 100.5 (seconds)]\n", "5.000", 105.5),
        ("#[BaseTime: 1e9 (seconds since epoch)]\n", "5.000", 1000000005),
    ],
)
def test_time_stamps_as_java_reads_them(header, stamp, start, tmp_path):
    log = read(f"{header}{stamp},1.000,0.001,{ONE}\n")
    assert log[0].start == pytest.approx(start, abs=1e-6)
    hdr.write_log(tmp_path / "again.hlog", log, values="ns")
    assert lines(tmp_path / "again.hlog")[0].startswith(f"{stamp},1.000,")
    assert hdr.read_log(tmp_path / "again.hlog", values="ns")[:] == log[:]


def test_shapes_of_lines():
    text = f'\ufeff#comment\r\n"StartTimestamp","x"\r\n\r\nTag=a/b,1.5,2,0.001,{ONE}\r\n 2.5, 1e0 ,3,{ONE}\n3 1 0 {ONE}'
    log = read(text)
    assert [(one.start, one.end, one.tag) for one in log] == [(1.5, 3.5, "a/b"), (2.5, 3.5, None), (3, 4, None)]
    assert log.comments == ("comment",)


# ---- nothing, and what is not valid ----


@pytest.mark.parametrize("text", [HEADER, "", "#\n"])
def test_a_log_without_intervals_says_so(text):
    with pytest.warns(hdr.LogWarning, match="log: it holds no intervals, only a header"):
        log = read(text)
    assert len(log) == 0
    assert list(log) == []
    assert merge(interval.histogram for interval in log) == Histogram()
    assert log.relative_error == 0
    assert repr(log) == "<Log of 0 intervals>"


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("1.0,2.0,3.0", "line 4: not an interval, which is time, length, maximum and base64: '1.0,2.0,3.0'"),
        ("1.0,2.0,x,HISTF", "line 4: not an interval"),
        (f"nan,2.0,3.0,{ONE}", "line 4: not an interval"),
        (f"1.0,-2.0,3.0,{ONE}", "line 4: an interval of -2.0 s"),
        (f"1.0,2.0,3.0,{ONE[:-4]}", "line 4: column 13, (decompressed |after |)offset"),
        (f"1.0,2.0,3.0,{ONE[:-5]}*{ONE[-4:]}", f"line 4: column 13, offset {len(ONE) - 5}: not base64"),
        ("1.0,2.0,3.0,AAAA", "line 4: column 13, (decompressed |after |)offset 0: not an HdrHistogram"),
    ],
)
def test_lines_that_are_not_valid(line, match):
    with pytest.raises(ValueError, match=match):
        read(f"{HEADER}{line}\n")


def test_a_line_without_end_takes_no_memory(monkeypatch):
    monkeypatch.setattr("historian.formats.hdr._log.MAX_LINE_NBYTES", 1000)
    with pytest.raises(ValueError, match="line 1: longer than 1,000 bytes"):
        read("1" * 2000)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        hdr.read_log(tmp_path / "none.hlog", values="ns")


# ---- writing ----


def test_intervals_of_historian(tmp_path):
    values = [0.012, 0.015, 0.250]
    intervals = [hdr.Interval(10.0 + k, 11.0 + k, Histogram.from_values(values), tag) for k, tag in enumerate("ab")]
    hdr.write_log(tmp_path / "x.hlog", intervals, values="us", start_time=10, base_time=10, comments=["by me"])
    text = (tmp_path / "x.hlog").read_text()
    assert text.splitlines()[:5] == [
        "#by me",
        "#[Histogram log format version 1.3]",
        "#[StartTime: 10.000 (seconds since epoch), Thu Jan 01 00:00:10 UTC 1970]",
        "#[BaseTime: 10.000 (seconds since epoch)]",
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
    ]
    assert text.splitlines()[5].startswith("Tag=a,0.000,1.000,0.250,HISTFAAAA")
    log = hdr.read_log(tmp_path / "x.hlog", values="us")
    assert [(one.start, one.end, one.tag) for one in log] == [(10, 11, "a"), (11, 12, "b")]
    assert log[0].histogram.counts.tolist() == Histogram.from_values(values).counts.tolist()
    assert 0 < log.relative_error < 0.0065


@pytest.mark.parametrize(
    ("interval", "options", "match"),
    [
        ((0, 1, Histogram(), "a,b"), {}, "a tag must not have commas and blanks: 'a,b'"),
        ((1, 0, Histogram()), {}, "must end after its start"),
        ((float("nan"), 1, Histogram()), {}, "must be below 1e17 s"),
        ((0, 1, Histogram()), {"start_time": -1}, "start_time must be seconds since 1970"),
        ((0, 1, Histogram()), {"comments": ["a\nb"]}, "a comment must be one line"),
        ((0, 1, Histogram()), {"comments": ["[StartTime: 5]"]}, "pass start_time="),
        ((0, 1, Histogram.from_values([1e12])), {}, "above 2"),
    ],
)
def test_what_cannot_be_written_leaves_the_file_as_it_was(tmp_path, interval, options, match):
    path = tmp_path / "x.hlog"
    path.write_text("before")
    with pytest.raises(ValueError, match=match):
        hdr.write_log(path, [hdr.Interval(*interval)], values="ns", **options)
    assert path.read_text() == "before"
    with pytest.raises(TypeError, match="intervals must be"):
        hdr.write_log(path, [Histogram()], values="ns")  # type: ignore[list-item]


def test_an_interval_is_a_value():
    one, other = read(f"Tag=t,5.000,1.000,0.001,{ONE}\n")[0], hdr.Interval(5, 6, Histogram(), "t")
    assert pickle.loads(pickle.dumps(one)) == copy.copy(one) == one
    assert hash(one) == hash(copy.copy(one))
    assert pickle.loads(pickle.dumps(other)) == other != one
    assert one.hdr == hdr.decode(ONE)
    assert other.hdr is None
    assert one != 1
    with pytest.raises(AttributeError, match="immutable"):
        one.start = 3.0
    assert repr(other) == "<Interval 't' from 5.000 to 6.000 s: <Histogram: empty>>"


def test_a_log_is_told_by_its_first_lines():
    assert is_log(JAVA.read_bytes())
    assert is_log(HEADER.encode())
    assert is_log(f"1.000,1.000,0.001,{ONE}".encode())
    assert is_log(f"# x\nTag=A,1.000,1.000,0.001,{ONE}".encode())
    assert not is_log(b"# numbers\n1.0\n2.0\n")
    assert not is_log(b"start,length,max\n1.0,2.0,3.0,4.0\n")
    assert not is_log(b"")


def test_the_python_port_reads_what_is_written(tmp_path):
    peer = pytest.importorskip("hdrh.log")
    from hdrh.histogram import HdrHistogram

    intervals = [hdr.Interval(k, k + 1.0, Histogram.from_values([0.001 * (k + 1)] * 5)) for k in range(3)]
    hdr.write_log(tmp_path / "x.hlog", intervals, values="ns", start_time=0)
    total = HdrHistogram(1, 3_600_000_000_000, 3)
    reader = peer.HistogramLogReader(str(tmp_path / "x.hlog"), total)
    found = [reader.add_next_interval_histogram() for _ in range(3)]
    reader.close()
    assert all(found)
    assert total.get_total_count() == 15
    assert total.get_max_value() == pytest.approx(3_000_000, rel=0.001)
