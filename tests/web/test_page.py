"""The live page without a browser: what the server answers, what it keeps, what it refuses."""

import gzip
import json
import math
import re
import threading
from types import SimpleNamespace

import pytest
from http_server import Running, status_of
from hypothesis import given
from hypothesis import strategies as st

from historian import Histogram, Key, Registry
from historian.web import _detail, _page, _watch
from historian.web._assets import FILES, assets
from historian.web._history import MAX_CHOSEN, PART_NBYTES, History
from historian.web._names import Names
from historian.web._query import Query
from historian.web._request import Refused
from historian.web._table import PERIODS, SORTS, Wanted, table
from historian.web._wait import wait
from historian.web._watch import Look, Watch

HOSTILE = "</script><img src=x onerror=alert(1)>\u202e\x00"


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def registry():
    found = Registry()
    found.recorder("lookup", table="users").record_many([0.010] * 9_900 + [1.0] * 100)
    found.recorder("lookup", table="carts").record_many([0.020] * 50)
    found.recorder("answer", unit="bytes").record_many([4096] * 10)
    found.recorder("idle")
    return found


@pytest.fixture
def watch(registry, clock):
    return Watch(registry, clock)


def id_of(look, name, **labels):
    return look.names[Key(name, **labels)].id


# ---- looks ----


def test_pages_share_one_look_a_second(watch, clock, registry):
    first = watch.look()
    registry.recorder("lookup", table="users").record(0.010)
    clock.now += 0.5
    assert watch.look() is first
    clock.now += 0.5
    second = watch.look()
    assert (first.number, second.number) == (1, 2)
    assert math.isnan(first.seconds) and second.seconds == 1.0
    assert first.recent == {}
    assert {key: histogram.count for key, histogram in second.recent.items()} == {Key("lookup", table="users"): 1}
    assert second.names is first.names  # they are computed again only if recorders come or go


def test_what_was_counted_while_nobody_looked_is_no_interval(watch, clock, registry):
    watch.look()
    registry.recorder("lookup", table="users").record(0.010)
    clock.now += 3600
    look = watch.look()
    assert math.isnan(look.seconds) and look.recent == {}
    assert watch.intervals(Key("lookup", table="users"), 0) == []


def test_a_drained_a_new_and_a_removed_recorder(watch, clock, registry):
    watch.look()
    registry.recorder("lookup", table="users").drain()
    registry.recorder("lookup", table="users").record_many([0.5] * 3)
    registry.recorder("new").record(0.5)
    registry.remove(Key("answer"))
    clock.now += 1
    look = watch.look()
    assert {str(key): found.count for key, found in look.recent.items()} == {"lookup{table=users}": 3, "new": 1}
    assert Key("answer") not in look.totals
    assert look.names.find(Names([Key("answer")])[Key("answer")].id) is None


def test_nothing_is_read_while_nobody_asks_and_memory_is_given_back(registry, clock):
    reads = []

    class Counting:
        def snapshot(self):
            reads.append(1)
            return registry.snapshot()

    watch = Watch(Counting(), clock)
    before = threading.active_count()
    for _ in range(3):
        watch.look()
        clock.now += 1
    assert len(reads) == 3 and threading.active_count() == before
    watch.forget()
    assert watch._history.nbytes == 0 and watch._look.totals == {}
    clock.now += 1
    assert watch.look().number == 4  # a page that is still open goes on counting
    assert watch.intervals(Key("lookup", table="users"), 0) == []


def test_a_page_is_forgotten_after_a_while(registry, monkeypatch):
    monkeypatch.setattr(_page, "IDLE_SECONDS", 0.01)
    forgotten = threading.Event()
    monkeypatch.setattr(_watch.Watch, "forget", lambda self: forgotten.set())
    running = Running(_page.page(registry, "here"))
    try:
        assert not forgotten.wait(0.1)
        ask(running, "/table.json")
        assert forgotten.wait(60)
    finally:
        running.end()


def test_a_look_that_takes_long_is_taken_less_often(registry, clock):
    work = Clock()  # of the processor

    class Slow:
        def snapshot(self):
            clock.now += 0.25
            work.now += 0.2
            return registry.snapshot()

    watch = Watch(Slow(), clock, work)
    first = watch.look()
    clock.now += 1.5
    assert watch.look() is first  # 1.75 s after it began, but 10 * 0.2 s must have passed
    clock.now += 0.5
    assert watch.look().seconds == 2.25


# ---- history ----


def one(k):
    return Histogram.from_values([float(k)])


def test_a_history_keeps_all_recorders_while_there_is_room_and_then_those_that_were_asked_for():
    size = len(one(1).to_bytes()) + PART_NBYTES
    history = History(max_nbytes=20 * size)
    a, b = Key("a"), Key("b")
    for number in range(1, 11):
        history.add(number, number - 1.0, float(number), {a: one(number), b: one(2 * number)})
    assert history.nbytes == 20 * size
    assert [(found.number, found.histogram.max) for found in history.of(a)] == [(k, k) for k in range(1, 11)]
    assert [found.number for found in history.of(a, after=7)] == [8, 9, 10]
    for number in range(11, 16):
        history.add(number, number - 1.0, float(number), {a: one(number), b: one(2 * number)})
        assert history.nbytes <= 20 * size
    assert [found.number for found in history.of(a)] == list(range(1, 16))
    assert [found.number for found in history.of(b)] == list(range(11, 16))  # of which all are known


def test_an_interval_in_which_a_recorder_counted_nothing_is_told_from_one_that_is_forgotten():
    history = History(max_nbytes=len(one(1).to_bytes()) + PART_NBYTES)
    history.add(1, 0.0, 1.0, {Key("a"): one(1)})
    history.add(2, 1.0, 2.0, {Key("b"): one(1)})  # no room for the first one
    assert [(found.number, found.histogram) for found in history.of(Key("a"))] == [(2, None)]
    assert [(found.number, found.histogram) for found in history.of(Key("b"))] == [(2, one(1))]


def test_what_is_too_old_is_forgotten():
    history = History(seconds=5.0)
    for number in range(1, 11):
        history.add(number, number - 1.0, float(number), {Key("a"): one(1)})
    assert [found.number for found in history.of(Key("a"))] == [5, 6, 7, 8, 9, 10]
    history.clear()
    assert history.nbytes == 0 and list(history.of(Key("a"))) == []


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60)), max_size=60),
    st.integers(0, 5000),
    st.floats(0.5, 100.0),
)
def test_a_history_never_holds_more_than_it_may(steps, most, seconds):
    history = History(seconds=seconds, max_nbytes=most, max_chosen=3)
    for number, (recorders, chosen) in enumerate(steps, 1):
        history.add(number, number - 1.0, float(number), {Key(str(k)): one(k + 1) for k in range(recorders)})
        found = [interval.number for interval in history.of(Key(str(chosen)))]
        assert found == sorted(found) and all(number - seconds <= k + 1e-9 for k in found)
        kept = [data for part in (*history._thin, *history._whole) for data in part.parts.values()]
        assert history.nbytes == sum(len(data) + PART_NBYTES for data in kept) <= most
        assert len(history._chosen) <= 3


def test_few_recorders_are_kept_when_others_are_not():
    history = History(max_nbytes=0)
    for k in range(2 * MAX_CHOSEN):
        list(history.of(Key(str(k))))
    assert list(history._chosen) == [Key(str(k)) for k in range(MAX_CHOSEN, 2 * MAX_CHOSEN)]


# ---- answers ----


def test_the_table_is_the_profile(watch):
    look = watch.look()
    found = table(look, Wanted())
    times, sizes = found["tables"]
    assert [name for name, _ in times["columns"]] == [
        "name", "rate", "median", "p90", "p99", "p99.9", "max", "count", "sum",
    ]  # fmt: skip
    assert [text for _, text in times["columns"][::8]] == ["operation (ms)", "sum (s)"]
    assert [row["cells"] for row in times["rows"]] == [
        ["lookup{table=users}", "-", "10.0", "10.0", "10.0", "995", "1,000", "10,000", "199"],
        ["lookup{table=carts}", "-", "20.0", "20.0", "-", "-", "20.0", "50", "1.00"],
    ]
    assert sizes["rows"][0]["cells"] == ["answer", "-", "4.00", "4.00", "-", "-", "4.00", "10", "40.0"]
    assert (found["recorders"], found["found"]) == (3, 3)  # without those that hold nothing
    assert found["notes"] == ["-  too few values: p99 needs 100, p99.9 needs 1,000"]
    assert times["rows"][0]["share"] == 0.995  # 199 of 200 s


def test_the_table_of_the_last_second(watch, clock, registry):
    watch.look()
    registry.recorder("lookup", table="carts").record_many([0.020] * 99 + [0.040])
    clock.now += 2
    rows = table(watch.look(), Wanted(period="now"))["tables"][0]["rows"]
    assert [row["cells"] for row in rows] == [
        ["lookup{table=carts}", "50.0", "20.0", "20.0", "20.0", "-", "40.0", "100", "2.02"],  # 99 * 0.02 + 0.04
        ["lookup{table=users}", "0", "-", "-", "-", "-", "-", "0", "0"],
    ]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("period", PERIODS)
def test_the_table_is_sorted_by_any_column(sort, period):
    totals = {
        Key(f"r{k}"): Histogram.from_values([0.001 * (k + 1)] * (1_500 - 200 * k) + [0.5 - 0.01 * k]) for k in range(7)
    }
    look = Look(2, 0.0, 1.0, totals, {key: totals[key] for key in list(totals)[::2]}, Names(totals))

    def numbers(reverse):
        wanted = Wanted(sort=sort, reverse=reverse, period=period)
        (found,) = table(look, wanted)["tables"]
        at = [name for name, _ in found["columns"]].index(sort)
        return [row["cells"][at] for row in found["rows"]]

    down, up = numbers(False), numbers(True)
    if sort == "name":
        assert down == sorted(down) and up == down[::-1] and len(down) == 7
        return
    for texts, sign in ((down, -1), (up, 1)):
        known = [float(text.replace(",", "")) for text in texts if text != "-"]
        assert known == sorted(known, key=lambda value: sign * value)
        assert "-" not in texts[: len(known)] and len(texts) == 7  # those without a number come last


def test_the_table_is_found_by_name_and_cut(registry, watch):
    found = table(watch.look(), Wanted(contains="USER"))
    assert [row["cells"][0] for part in found["tables"] for row in part["rows"]] == ["lookup{table=users}"]
    assert (found["recorders"], found["found"]) == (3, 1)
    assert table(watch.look(), Wanted(contains="x"))["tables"] == []
    cut = table(watch.look(), Wanted(rows=1))
    assert [len(part["rows"]) for part in cut["tables"]] == [1, 1] and cut["found"] == 3


def test_a_wait_is_that_of_a_fanout(registry):
    total = registry.recorder("lookup", table="users").snapshot()
    found = wait(total, 100, "0.5")
    expected = total.fanout(100).p_wait(0.5)
    assert found["share"]["value"] == expected.value == pytest.approx(1 - 0.99**100)
    assert (found["share"]["lower"], found["share"]["upper"]) == (expected.lower, expected.upper)
    assert found["share"]["text"] == "63.4 %" and found["call"] == "1.00 %" and found["text"] == "500 ms"
    assert found["method"] == expected.method and found["why"] == expected.why
    assert found["p99"]["text"] == "995 ms"  # within 0.55 % of 1 s
    assert wait(total, 1, "p99")["threshold"] == total.percentile(99)
    assert "1,000,000" in wait(total, 1_000_000, "median")["warning"]  # more than were recorded
    assert wait(Histogram(), 1, "p99") == {"n": 1, "threshold": None}
    for text in ("p50", "-1", "nan", "inf", "1e400", "", "0x1", "1_0", "\u0661"):
        with pytest.raises(Refused, match="t must be one of"):
            wait(total, 1, text)


# ---- requests ----


@pytest.fixture
def running(registry):
    registry.recorder(HOSTILE, **{HOSTILE: HOSTILE}).record(0.5)
    found = Running(_page.page(registry, "/dev/shm/shop"))
    yield found
    found.end()


def get(running, target, more=b"", method=b"GET"):
    """Return status, headers and body."""
    request = b"%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (method, target.encode("latin-1"), more)
    answer = running.ask(request)
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = [line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:]]
    assert len({name for name, _ in lines}) == len(lines), "a header comes twice"
    return status_of(answer), dict(lines), body


def ask(running, target):
    status, headers, body = get(running, target)
    assert status == 200 and headers["content-type"] == "application/json"
    return json.loads(body)


def test_every_answer_forbids_what_the_page_does_not_need(running):
    for path in (*FILES, "/table.json", "/recorder.json", "/wait.json?n=x"):
        status, headers, _ = get(running, path)
        assert status == (400 if path.startswith(("/recorder", "/wait.json")) else 200)
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy.pop("default-src") == policy.pop("frame-ancestors") == policy.pop("base-uri") == "'none'"
        assert policy.pop("form-action") == "'none'"
        assert set(policy.values()) == {"'self'"} and set(policy) == {
            "script-src", "style-src", "connect-src", "img-src",
        }  # fmt: skip
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"


def test_the_page_needs_nothing_from_elsewhere_and_has_no_script_within():
    files = {name: asset.body.decode() for name, asset in zip((name for name, _ in FILES.values()), assets().values())}
    page = files["page.html"]
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=|javascript:", page)
    linked = re.findall(r'(?:src|href)="([^"#]+)"', page)
    imported = [name for text in files.values() for name in re.findall(r'from "\./([^"]+)"', text)]
    assert {f"/{name}" for name in (*linked, *imported)} <= set(FILES)
    for name, text in files.items():
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function", text) or (
            name == "uPlot.iife.min.js"
        )
        links = {link for link in re.findall(r"https?://[^\s\"'`)]+", text) if "www.w3.org" not in link}
        assert links <= {"https://github.com/leeoniya/uPlot"}, name
    assert sum(len(text) for text in files.values()) < 100_000


def test_files_are_compressed_if_a_browser_accepts_it(running):
    plain = get(running, "/uPlot.js")
    packed = get(running, "/uPlot.js", b"Accept-Encoding: gzip\r\n")
    assert packed[1]["content-encoding"] == "gzip" and gzip.decompress(packed[2]) == plain[2]
    assert len(packed[2]) < len(plain[2]) / 2
    status, headers, body = get(running, "/uPlot.js", method=b"HEAD")
    assert (status, headers["content-length"], body) == (200, str(len(plain[2])), b"")
    assert get(running, "/", method=b"POST")[:2] == (405, get(running, "/", method=b"POST")[1])


def test_a_recorder_is_found_by_its_id(running):
    rows = [row for part in ask(running, "/table.json")["tables"] for row in part["rows"]]
    ids = {row["cells"][0]: row["id"] for row in rows}
    found = ask(running, f"/recorder.json?id={ids['lookup{table=users}']}")
    assert (found["name"], found["unit"]) == ("lookup{table=users}", "s")
    assert found["facts"][0] == ["count", "10,000", ""] and found["facts"][-1] == ["max", "1.00 s", ""]
    assert found["facts"][1][:2] == ["median", "10.0 ms"] and " to " in found["facts"][1][2]
    assert found["columns"] == []  # nobody has looked before
    answer = ask(running, f"/wait.json?id={ids['lookup{table=users}']}&n=100&t=0.5")
    assert answer["share"]["text"] == "63.4 %"
    (odd,) = [name for name in ids if "script" in name]
    assert "\u202e" not in odd and "\x00" not in odd  # a name cannot turn the text around it


def test_columns_are_those_after_a_number(registry, clock, monkeypatch):
    monkeypatch.setattr(_page, "Watch", lambda recorders: Watch(recorders, clock))
    running = Running(_page.page(registry, "here"))
    try:
        recorder = registry.recorder("lookup", table="users")
        id = id_of(Watch(registry).look(), "lookup", table="users")
        ask(running, "/table.json")
        for _ in range(3):
            recorder.record_many([1.0] * 99 + [2.0, 0.0, 2.0**65])  # 1 is in the cell -1, 2 in the cell 7
            clock.now += 1
            ask(running, "/table.json")
        found = ask(running, f"/recorder.json?id={id}&after=2")
        assert [column["number"] for column in found["columns"]] == [3, 4]
        column = found["columns"][0]
        assert column["cells"] == [-1, 99, 7, 1] and column["count"] == 102
        assert (column["zero"], column["overflow"]) == (1, 1)
        assert column["values"][0] == pytest.approx(1.0, rel=0.0055) and column["values"][3] == 2.0**65
        assert found["bin"] == 1 / 8
        assert [step[0] for step in found["steps"]] == ["ns", "us", "ms", "s", "min", "h"]
        clock.now += 1
        idle = ask(running, f"/recorder.json?id={id}&after=4")["columns"][0]
        assert (idle["count"], idle["values"], idle["cells"]) == (0, [None] * 4, [])
        other = id_of(Watch(registry).look(), "answer")
        assert ask(running, f"/recorder.json?id={other}")["steps"][1] == ["KiB", 1 / 1024, 1024.0]
    finally:
        running.end()


def test_the_latest_exemplars_come_first():
    def exemplar(k):
        return SimpleNamespace(value=0.001 * k, labels={"trace_id": f"{k:032x}"}, timestamp=1e9 + k)

    found = _detail._exemplars([exemplar(k) for k in (1, 3, 2)], "s")
    assert [one["value"] for one in found] == ["3.00 ms", "2.00 ms", "1.00 ms"]
    assert found[0] == {"time": 1e9 + 3, "value": "3.00 ms", "labels": [("trace_id", f"{3:032x}")]}
    assert len(_detail._exemplars([exemplar(k) for k in range(98)], "s")) == 12


ID = "0123456789abcdef"


@pytest.mark.parametrize(
    ("target", "status", "message"),
    [
        ("/table.json?sort=x", 400, "sort must be one of sum, name, rate, median, p90, p99, p99.9, max, count, not"),
        ("/table.json?rows=0", 400, "rows must be a whole number in 1..2,000, not '0'"),
        ("/table.json?rows=2001", 400, "rows must be a whole number in 1..2,000, not '2001'"),
        ("/table.json?rows=1e3", 400, "rows must be a whole number in 1..2,000, not '1e3'"),
        ("/table.json?rows=" + "9" * 5000, 400, "rows must be a whole number in 1..2,000, not '" + "9" * 40 + "...'"),
        ("/table.json?period=week", 400, "period must be one of all, now, not 'week'"),
        ("/table.json?contains=" + "a" * 201, 400, "contains must have at most 200 characters, not 201"),
        ("/table.json?sort=sum&sort=sum", 400, "sort must be given once"),
        ("/table.json?x=1", 400, "there is no parameter 'x': use sort, order, contains, rows, period"),
        ("/table.json?%3Cscript%3E=1", 400, "there is no parameter '<script>': use sort, order, contains, rows,"),
        ("/table.json?sort", 400, "the query must be NAME=VALUE&NAME=VALUE, encoded as in URLs"),
        ("/table.json?contains=%ff", 400, "the query must be NAME=VALUE&NAME=VALUE, encoded as in URLs"),
        ("/table.json?contains=\xff", 400, "the query must be NAME=VALUE&NAME=VALUE, encoded as in URLs"),
        ("/table.json?" + "&".join(f"a{k}=1" for k in range(30)), 400, "the query must be NAME=VALUE&NAME=VALUE, enc"),
        ("/recorder.json", 400, "id must be 16 hexadecimal digits, as in /table.json, not ''"),
        ("/recorder.json?id=../../etc/passwd", 400, "id must be 16 hexadecimal digits, as in /table.json, not '../"),
        (f"/recorder.json?id={ID}", 404, f"there is no recorder with the id {ID}"),
        (f"/recorder.json?id={ID}&after=-1", 400, "after must be a whole number in 0..9,007,199,254,740,992, not '-1'"),
        (f"/wait.json?id={ID}", 404, f"there is no recorder with the id {ID}"),
        (f"/wait.json?id={ID}&n=0", 400, "n must be a whole number in 1..1,000,000, not '0'"),
        ("/wait.json?id=USERS&t=often", 400, "t must be one of median, p90, p99, p99.9, or a number in the recorder's"),
        ("/page.html", 404, "there is nothing here"),
        ("/_static/page.css", 404, "there is nothing here"),
        ("/../_page.py", 404, "there is nothing here"),
        ("/%2e%2e/_page.py", 404, "there is nothing here"),
        ("/uPlot.js/", 404, "there is nothing here"),
        ("/table.json/..", 404, "there is nothing here"),
    ],
    ids=lambda value: value[:50] if isinstance(value, str) else value,
)
def test_a_question_that_is_not_valid_is_answered_by_a_sentence(running, registry, target, status, message):
    users = id_of(Watch(registry).look(), "lookup", table="users")
    found, headers, body = get(running, target.replace("USERS", users))
    text = body.decode()
    assert (found, headers["content-type"]) == (status, "text/plain; charset=utf-8")
    assert text.startswith(message) and text.endswith("\n") and text.count("\n") == 1 and len(text) < 300


@given(st.binary(max_size=80) | st.text(max_size=40).map(lambda text: f"n={text}&t=1".encode()))
def test_any_bytes_are_a_query_or_refused(text):
    try:
        query = Query(text, ["n", "t"])
        assert 1 <= query.whole("n", 1, 1, 1000) <= 1000
        assert len(query.text("t")) <= 200
    except Refused as refused:
        status, _, message = refused.args
        assert status == 400 and message.isprintable()


def test_mutated_questions_do_no_harm(running, registry):
    import random

    seeded = random.Random(15)
    users = id_of(Watch(registry).look(), "lookup", table="users").encode()
    questions = [
        b"/table.json?sort=p99&order=reverse&contains=lookup&rows=10&period=now",
        b"/recorder.json?id=%s&after=0" % users,
        b"/wait.json?id=%s&n=100&t=0.25" % users,
    ]
    for k in range(300):
        target = bytearray(questions[k % 3])
        for _ in range(seeded.randint(1, 4)):
            at = seeded.randrange(1, len(target))
            target[at : at + seeded.randint(0, 2)] = seeded.choice(
                [b"%", b"&", b"=", b"9", b"e", b"%00", b"%c3%a9", b"+"]
            )
        status, _, body = get(running, target.decode("latin-1"))
        assert status in (200, 400, 404) and (status == 200) == (body[:1] == b"{")
    assert get(running, "/table.json")[0] == 200


def test_recorders_that_cannot_be_read_are_an_error_of_the_server(caplog):
    class Broken:
        def snapshot(self):
            raise PermissionError("other users may write to it")

    running = Running(_page.page(Broken(), "here"))
    try:
        status, _, body = get(running, "/table.json")
        assert (status, body) == (500, b"the recorders cannot be read: other users may write to it\n")
        assert "the recorders cannot be read" in caplog.text
        assert get(running, "/")[0] == 200
    finally:
        running.end()


def test_many_pages_at_a_time_share_looks(running, registry):
    reads = []
    ends = []

    def open_page():
        for _ in range(5):
            reads.append(ask(running, "/table.json")["number"])
        ends.append(1)

    threads = [threading.Thread(target=open_page) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(ends) == 8 and len(reads) == 40
    assert max(reads) < 40
