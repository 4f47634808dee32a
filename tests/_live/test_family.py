"""`Family`: look-ups by label values, the limit of recorders, and timers whose labels are known at their end."""

import asyncio
import contextlib
import math
import os
import pickle
import shutil
import subprocess
import sys
import threading
import tracemalloc
import warnings
from collections.abc import Iterable
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Family, FamilyWarning, Histogram, Key, Registry, RegistryWarning
from historian._live import family as family_module

OVERFLOW = Key("http", overflow="true")
posix = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


@pytest.fixture(params=["memory", "directory"])
def registry(request, tmp_path):
    if request.param == "directory" and sys.platform == "win32":
        pytest.skip("recorders in a directory need a POSIX system")
    return Registry(tmp_path / "d" if request.param == "directory" else None)


class Method(str, Enum):
    GET = "GET"


# ---- looking up ----


def test_one_recorder_for_each_label_set(registry):
    requests = registry.family("http", labels=("method", "route"))
    found = requests["GET", "/users"]
    assert found is requests["GET", "/users"] is requests.labels(route="/users", method="GET")
    assert found is registry.recorder("http", route="/users", method="GET")
    assert found is requests[Method.GET, "/users"]  # equal to a string, so it is that string
    assert found is not requests["/users", "GET"]
    assert found.name == "http{method=GET,route=/users}"
    requests["PUT", "/carts"].record(1.0)
    assert set(registry.snapshot()) == {
        Key("http", method="GET", route="/users"), Key("http", method="/users", route="GET"),
        Key("http", method="PUT", route="/carts"),
    }  # fmt: skip


def test_a_single_label(registry):
    family = registry.family("http", labels=["route"], unit="ms")
    assert family["/a"] is family[("/a",)] is family.labels(route="/a") is family["/a"]
    assert family["/a"].unit == family.unit == "ms" and family.label_names == ("route",)


def test_values_that_are_equal_but_print_differently():
    """1 == True == 1.0, and their hashes are equal, too."""
    registry = Registry()
    family = registry.family("http", labels=("status",))
    values = (1, True, 1.0, "1", None, 2, "2")
    for _ in range(2):
        assert [family[value].name for value in values] == [f"http{{status={value}}}" for value in values]
        assert [registry.recorder("http", status=value).name for value in values] == [
            f"http{{status={value}}}" for value in values
        ]


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), min_size=1, max_size=6))
def test_recorders_are_those_of_the_keys(values):
    registry = Registry()
    family = registry.family("http", labels=("a", "b"))
    for one, other in values * 2:
        assert family[one, other] is registry.recorder("http", b=other, a=one)
    assert set(registry.snapshot()) == {Key("http", a=a, b=b) for a, b in values}


@pytest.mark.parametrize(
    "ask",
    [
        lambda family: family["GET"],
        lambda family: family["GET", "/", "x"],
        lambda family: family[()],
        lambda family: family.time("GET"),
        lambda family: family.labels(method="GET"),
        lambda family: family.labels(method="GET", route="/", x="y"),
        lambda family: family.labels(method="GET", path="/"),
        lambda family: family.timing(path="/"),
    ],
)
def test_labels_that_the_family_does_not_have(ask):
    registry = Registry()
    with pytest.raises(ValueError, match=r"family 'http' has (2 labels, |the labels )method, route"):
        ask(registry.family("http", labels=("method", "route")))
    assert registry.snapshot() == {}


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (lambda family: family.time(method="GET", a_route="/"), "values of method, a route in this order, without nam"),
        (lambda family: family.time("GET", a_route="/"), r"for a_route by name, use timing\(\) or labels\(\.\.\.\)"),
        (lambda family: family.labels("GET", "/"), r"labels\(method=\.\.\., \*\*{'a route': \.\.\.}\), not 2 values"),
        (lambda family: family.timing().labels("GET"), r"labels\(method=\.\.\., .*, not 1 value"),
        (lambda family: family.timing("GET"), r"timing\(method=\.\.\., \*\*{'a route': \.\.\.}\), not 1 value"),
    ],
)
def test_values_where_names_belong_and_the_reverse(ask, why):
    registry = Registry()
    with pytest.raises(TypeError, match=why):
        ask(registry.family("http", labels=("method", "a route")))
    assert registry.snapshot() == {}


def test_labels_of_every_name():
    names = ("self", "name", "unit", "labels", "errors", "class", "a label")
    family = Registry().family("http", labels=names)
    assert family.labels(**dict.fromkeys(names, "x")) is family[("x",) * 7]


@pytest.mark.parametrize(
    ("arguments", "error", "why"),
    [
        ({"labels": "route"}, TypeError, r"as in labels=\('route',\), not one string"),
        ({"labels": (3,)}, TypeError, "the name of a label must be a string, not 3"),
        ({"labels": ()}, ValueError, "one or more different names"),
        ({"labels": ("a", "a")}, ValueError, "one or more different names"),
        ({"labels": ("overflow",)}, ValueError, "'overflow' is the label of values beyond max_series"),
        ({"labels": ("a\ud800",)}, ValueError, "not valid Unicode"),
        ({"labels": ("a",), "max_series": 0}, ValueError, "max_series must be at least 1, not 0"),
        ({"labels": ("a",), "max_series": 1.5}, TypeError, "max_series must be a whole number, not 1.5"),
        ({"labels": ("a",), "unit": ""}, ValueError, "unit"),
    ],
)
def test_families_that_cannot_be(arguments, error, why):
    with pytest.raises(error, match=why):
        Registry().family("http", **arguments)


def test_same_arguments_same_family():
    registry = Registry()
    family = registry.family("http", labels=("a", "b"))
    assert registry.family("http", labels=["a", "b"], unit="s", max_series=2000) is family
    for other in (
        {"labels": ("b", "a")},
        {"labels": ("a", "b"), "unit": "ms"},
        {"labels": ("a", "b"), "max_series": 1},
    ):
        with pytest.raises(
            ValueError, match=r"family 'http' exists with labels=\('a', 'b'\), unit='s', max_series=2000"
        ):
            registry.family("http", **other)
    registry.recorder("http", unit="ms", a=1, b=2)
    with pytest.raises(ValueError, match="exists with unit 'ms', not 's'"):
        family[1, 2]


def test_a_family_of_a_directory_pickles(tmp_path):
    family = Registry(tmp_path / "d").family("http", labels=("a",), max_series=5)
    family["x"].record(1.0)
    again = pickle.loads(pickle.dumps(family))
    assert type(again) is Family and (again.label_names, again.max_series) == (("a",), 5)
    assert again["x"].snapshot().count == 1
    with pytest.raises(TypeError, match="a registry in memory cannot be pickled"):
        pickle.dumps(Registry().family("http", labels=("a",)))


# ---- the limit ----


def test_label_sets_beyond_the_limit_are_counted_together(registry):
    family = registry.family("http", labels=("route",), max_series=3)
    routes = [f"/{k}" for k in range(10)] * 2
    why = r"'http' was asked for more than max_series=3 label sets: .* http\{overflow=true\}"
    with pytest.warns(FamilyWarning, match=why) as all_:
        assert [family[route].record(1.0) for route in routes] == [None] * 20
    assert len(all_) == 1 and all_[0].filename == __file__
    snapshot = registry.snapshot()
    assert {str(key): h.count for key, h in snapshot.items()} == {
        "http{route=/0}": 2, "http{route=/1}": 2, "http{route=/2}": 2, "http{overflow=true}": 14,
    }  # fmt: skip
    assert family.folded == 7 and snapshot.total().count == 20
    note = "http: 7 label sets beyond max_series=3, or not valid, counted as overflow=true"
    assert str(registry.profile()).splitlines()[-1] == note
    assert note in registry.profile()._repr_html_()
    assert note in str(pickle.loads(pickle.dumps(registry.profile())))
    assert family["/1"] is registry.recorder("http", route="/1")  # those that exist are still found


def test_recorders_from_before_count_for_the_limit(registry):
    for k in range(3):
        registry.recorder("http", route=f"/{k}").record(1.0)
    registry.recorder("http2", route="/")  # another name
    registry = Registry(registry.directory) if registry.directory else registry  # as after a restart
    family = registry.family("http", labels=("route",), max_series=4)
    assert family["/2"].snapshot().count == 1
    assert family["/new"].name == "http{route=/new}"
    with pytest.warns(FamilyWarning):
        assert family["/more"].name == "http{overflow=true}"


def test_recorders_with_long_names_count_for_the_limit(registry):
    """Their files have names that are cut, with or without labels."""
    for name in ("n" * 100, "n" * 1_000):
        for k in range(3):
            registry.recorder(name, route=f"/{k}" * 50).record(1.0)
        again = Registry(registry.directory) if registry.directory else registry
        with pytest.warns(FamilyWarning):
            assert again.family(name, labels=("route",), max_series=3)["/"].name == f"{name}{{overflow=true}}"


def test_recorders_that_are_asked_for_by_name_count_for_the_limit(registry):
    family = registry.family("http", labels=("route",), max_series=3)
    assert family["/0"].name == "http{route=/0}"
    registry.recorder("http", route="/1", method="GET")
    registry.recorder("http")
    registry.recorder("http2")
    with pytest.warns(FamilyWarning):
        assert family["/2"].name == "http{overflow=true}"


@posix
def test_the_limit_is_that_of_the_directory(tmp_path):
    families = [Registry(tmp_path / "d").family("http", labels=("route",), max_series=100) for _ in range(4)]
    with pytest.warns(FamilyWarning):
        assert [families[i % 4][i].record(1.0) for i in range(800)] == [None] * 800
    snapshot = Registry(tmp_path / "d").snapshot()
    assert len(snapshot) == 101 and snapshot.total().count == 800
    assert snapshot[OVERFLOW].count == 700 and [family.folded for family in families] == [175] * 4


@posix
def test_the_limit_is_that_of_all_processes(tmp_path):
    """They take turns: none creates a recorder while another one does."""
    program = (
        "import sys, warnings\n"
        "from historian import Registry\n"
        "warnings.simplefilter('ignore')\n"
        "family = Registry(sys.argv[1]).family('http', labels=('route',), max_series=10)\n"
        "for line in sys.stdin:\n"
        "    family[sys.argv[2] + line.strip()].record(1.0)\n"
        "    print(family.folded, flush=True)\n"
    )
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "d"), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for name in "abc"
    ]
    try:
        for i in range(8):
            for worker in workers:
                worker.stdin.write(b"%d\n" % i)
                worker.stdin.flush()
                folded = int(worker.stdout.readline())
    finally:
        for worker in workers:
            worker.communicate()
    snapshot = Registry(tmp_path / "d").snapshot()
    assert len(snapshot) == 11 and snapshot.total().count == 24 and snapshot[OVERFLOW].count == 14
    assert folded == 5  # of the last one: a0 b0 c0 a1 b1 c1 a2 b2 c2 a3 have recorders of their own


@pytest.mark.parametrize("value", ["x" * 3_000, "a\ud800", "\udcff"])
def test_values_that_no_recorder_can_have_do_not_raise(registry, value):
    family = registry.family("http", labels=("route",))
    with pytest.warns(FamilyWarning, match="a label set that no recorder can have"):
        family[value].record(1.0)
    assert list(registry.snapshot()) == [OVERFLOW] and family.folded == 1


def test_a_hundred_thousand_label_sets_take_bounded_memory(monkeypatch):
    monkeypatch.setattr(family_module, "MAX_FOLDED", 1_000)
    registry = Registry()
    family = registry.family("http", labels=("method", "route"), max_series=10)
    with pytest.warns(FamilyWarning):
        assert [family["GET", f"/{k}"].record(1.0) for k in range(11)] == [None] * 11
    tracemalloc.start()
    try:
        for k in range(100_000):
            family["GET", f"/{k}\n{{=," + "x" * (k % 100)].record(1.0)
        assert tracemalloc.get_traced_memory()[0] < 200_000  # 1,000 hashes of 32 bytes, in a set of at most 131 KB
    finally:
        tracemalloc.stop()
    assert registry.snapshot()[OVERFLOW].count == 100_001 and len(registry.snapshot()) == 11
    assert "http: 1,000 or more label sets" in str(registry.profile())


def test_the_look_up_by_labels_keeps_no_more_than_the_recorders():
    """The labels of one recorder may come in many orders."""
    registry = Registry()
    names = [f"l{k}" for k in range(6)]
    for k in range(200):
        order = names[k % 6 :] + names[: k % 6]
        if k % 2:
            order.reverse()
        registry.recorder("q", **dict.fromkeys(order, "x"))
    assert len(registry.snapshot()) == 1 and len(registry._calls) <= 5


# ---- timing ----


def test_timing_a_block(registry):
    family = registry.family("http", labels=("method", "route"))
    errors = registry.recorder("errors")
    with family.time("GET", "/"):
        pass
    with pytest.raises(KeyError), family.time("GET", "/", errors=errors):
        raise KeyError
    assert family["GET", "/"].snapshot().count == errors.snapshot().count == 1


def test_labels_that_are_known_at_the_end(registry):
    family = registry.family("http", labels=("method", "status"), unit="ms")
    timing = family.timing(method="GET")
    assert math.isnan(timing.elapsed)
    with timing as same:
        assert same is timing and timing.elapsed >= 0
        timing.labels(status=500)
        timing.labels(status=200)
    assert family["GET", "200"].snapshot().max == timing.elapsed == timing.elapsed

    async def main():
        async with family.timing() as one:
            one.labels(status=404, method="PUT")

    asyncio.run(main())
    counts = {str(key): histogram.count for key, histogram in registry.snapshot().items()}
    assert counts == {"http{method=GET,status=200}": 1, "http{method=PUT,status=404}": 1}


def test_labels_that_are_not_given_are_empty(registry):
    """A request that fails or forgets one must not fail because of its label."""
    family = registry.family("http", labels=("method", "status"))
    with pytest.raises(KeyError), family.timing(method="GET"):
        raise KeyError
    with family.timing() as timing, pytest.raises(ValueError, match="family 'http' has the labels method, status"):
        timing.labels(code=200)
    assert {str(key) for key in registry.snapshot()} == {'http{method=GET,status=""}', 'http{method="",status=""}'}


def test_misuse_of_a_timing():
    registry = Registry()
    with pytest.raises(ValueError, match="'rows' is in 'rows'"):
        registry.family("rows", labels=("a",), unit="rows").timing()
    timing = registry.family("http", labels=("a",)).timing()
    with pytest.raises(RuntimeError, match="not running"):
        timing.__exit__(None, None, None)
    with timing, pytest.raises(RuntimeError, match="already running"):
        timing.__enter__()
    with pytest.raises(RuntimeError, match="not running"):
        timing.__exit__(None, None, None)
    with pytest.raises(RuntimeError, match="this timer has ended, and its time is recorded: give labels in the block"):
        timing.labels(a="x")
    with timing:  # again, after its end
        timing.labels(a="x")
    assert registry.snapshot().total().count == 2


# ---- drain and remove ----


def test_draining_a_registry(registry):
    family = registry.family("http", labels=("route",))
    family["/a"].record(1.0)
    family["/b"].record(2.0)
    drained = registry.drain()
    assert drained == {
        Key("http", route="/a"): Histogram.from_values([1.0]),
        Key("http", route="/b"): Histogram.from_values([2.0]),
    }
    family["/b"].record(3.0)
    assert registry.drain().total() == Histogram.from_values([3.0])
    assert registry.drain().total().count == 0 and len(registry.snapshot()) == 2


def test_removing_a_recorder(registry):
    family = registry.family("http", labels=("route",), max_series=1)
    key = Key("http", route="/a")
    recorder = family["/a"]
    recorder.record(1.0)
    assert registry.remove(key) == Histogram.from_values([1.0])
    assert registry.snapshot() == {} and (registry.directory is None or os.listdir(registry.directory) == ["recorders"])
    with pytest.raises(KeyError, match="http"):
        registry.remove(key)
    for wrong in ("http", ("http", (("route", "/a"),)), recorder, None):
        with pytest.raises(TypeError, match=r"remove\(\) takes a Key, as snapshots have: remove\(Key\('name', label"):
            registry.remove(wrong)
    recorder.record(2.0)  # it goes on; in a directory, where other processes may have it open, it is there again
    assert recorder.snapshot() == Histogram.from_values([2.0])
    seen = {} if registry.directory is None else {key: Histogram.from_values([2.0])}
    assert registry.snapshot() == seen
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # its place is free again
        family["/b"].record(3.0)
    assert registry.remove(Key("http", route="/b")).count == 1
    again = family["/a"]
    assert again is registry.recorder("http", route="/a") and (again is recorder) == bool(seen)
    again.record(4.0)
    assert registry.snapshot() == {key: Histogram.from_values([2.0, 4.0] if seen else [4.0])}


def test_a_recorder_that_was_removed_and_made_again_is_another_source():
    registry = Registry()
    registry.recorder("q").record(1.0)
    before = registry.snapshot().source_of(Key("q"))
    registry.remove(Key("q"))
    registry.recorder("q").record(1.0)
    assert registry.snapshot().source_of(Key("q"))[0] != before[0]


@posix
def test_what_others_remove_makes_room(tmp_path):
    registry, other = Registry(tmp_path / "d"), Registry(tmp_path / "d")
    family = registry.family("http", labels=("route",), max_series=10)
    for turn in "abc":
        for key in other.snapshot():
            assert other.remove(key).count == 1
        for k in range(10):
            family[f"{turn}{k}"].record(1.0)
        assert family.folded == 0 and len(registry._recorders) == 10
        assert [key.labels[0][1] for key in other.snapshot()] == [f"{turn}{k}" for k in range(10)]


@posix
def test_a_directory_that_was_removed_has_room(tmp_path):
    family = Registry(tmp_path / "d").family("http", labels=("route",), max_series=10)
    create = (
        "import sys\n"
        "from historian import Registry\n"
        "for route in range(10):\n"
        "    Registry(sys.argv[1]).recorder('http', route=route)\n"
    )
    family["a"].record(1.0)
    for _ in range(2):
        subprocess.run([sys.executable, "-c", create, str(tmp_path / "d")], check=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert family["b"].name == "http{overflow=true}"
        shutil.rmtree(tmp_path / "d")
    with pytest.warns(RegistryWarning):
        family["b"].record(1.0)
    assert sorted(map(str, Registry(tmp_path / "d").snapshot())) == [
        "http{overflow=true}", "http{route=a}", "http{route=b}",
    ]  # fmt: skip


@posix
def test_recorders_that_others_remove_are_let_go(tmp_path):
    """So their space is used again, though the process lives on."""
    program = (
        "import sys\n"
        "from historian import Key, Registry\n"
        "for route in sys.argv[2:]:\n"
        "    Registry(sys.argv[1]).remove(Key('http', route=route))\n"
    )
    family = Registry(tmp_path / "d").family("http", labels=("route",), max_series=10)
    for start in range(0, 50, 5):
        routes = [str(i) for i in range(start, start + 5)]
        for route in routes:
            family[route].record(1.0)
        subprocess.run([sys.executable, "-c", program, str(tmp_path / "d"), *routes], check=True)
    assert family.folded == 0 and len(family["last"]._files[0]) <= (11 if sys.platform == "linux" else 51)


@posix
def test_threads_create_while_another_registry_removes(tmp_path):
    """Each record is in one result, though a family lets go of recorders while other threads look them up."""
    registry, other = Registry(tmp_path / "d"), Registry(tmp_path / "d")
    family = registry.family("http", labels=("route",), max_series=1_000)
    failures = []

    def create(number):
        try:
            for k in range(200):
                family[f"{number}-{k}"].record(1.0)
                family[f"all-{k % 10}"].record(1.0)
                assert repr(family).startswith("<Family 'http' of route: ")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    removed = 0
    while any(thread.is_alive() for thread in threads):
        for key in other.snapshot():
            with contextlib.suppress(KeyError):  # it held nothing, and has been freed
                removed += other.remove(key).count
    for thread in threads:
        thread.join()
    assert failures == [] and family.folded == 0
    assert removed + other.snapshot().total().count == 4 * 200 * 2


@posix
def test_a_recorder_that_was_removed_needs_room_to_be_there_again(tmp_path):
    family = Registry(tmp_path / "d").family("http", labels=("route",), max_series=1)
    other = Registry(tmp_path / "d")
    old = family["/a"]
    other.remove(Key("http", route="/a"))
    family["/a"].record(1.0)  # it goes on, and shows again, but needs no room
    assert set(other.snapshot()) == {Key("http", route="/a")} and "/a" in family
    family["/b"].record(2.0)
    with pytest.warns(FamilyWarning):
        family["/a"].record(3.0)
    assert {str(key): histogram.sum for key, histogram in other.snapshot().items()} == {
        "http{route=/a}": 1.0, "http{route=/b}": 2.0, "http{overflow=true}": 3.0,
    }  # fmt: skip
    other.remove(Key("http", route="/b"))
    assert family["/a"] is old and family.folded == 1


# ---- no sequence, and no mapping ----


def test_a_family_cannot_be_iterated_over(registry):
    family = registry.family("http", labels=("route",))
    for ask in (iter, list, set, reversed, len):
        with pytest.raises(TypeError):
            ask(family)
    assert not isinstance(family, Iterable) and registry.snapshot() == {}


def test_whether_a_recorder_exists(registry):
    family = registry.family("http", labels=("method", "status"), max_series=1)
    assert ("GET", 200) not in family and registry.snapshot() == {}
    recorder = family["GET", "200"]
    assert ("GET", 200) in family and ("GET", 404) not in family
    assert ("GET", "x" * 70_000) not in family and ("GET", "\udcff") not in family
    for wrong in ("GET", (), ("GET", 200, "/")):
        with pytest.raises(ValueError, match="family 'http' has 2 labels, method, status: give one value for each"):
            assert wrong in family
    registry.remove(Key("http", method="GET", status="200"))
    assert ("GET", 200) not in family and len(registry.snapshot()) == 0
    recorder.record(1.0)
    assert (("GET", 200) in family) == (registry.directory is not None)  # as a snapshot says


@posix
def test_whether_another_process_has_created_a_recorder(tmp_path):
    family = Registry(tmp_path / "d").family("http", labels=("route",))
    assert "/a" not in family and os.listdir(tmp_path / "d") == []
    Registry(tmp_path / "d").recorder("http", route="/a")
    assert "/a" in family and repr(family) == "<Family 'http' of route: 0 recorders>"
    assert family["/a"].snapshot().count == 0 and repr(family) == "<Family 'http' of route: 1 recorder>"
