"""Drains, removals and merges that an exception interrupts, at each instruction: no value is lost or counted twice."""

import os
import sys
import warnings

import pytest
from steps import at_each_step

from historian import CorruptFileWarning, Histogram, Key, Registry
from historian._core import Counters, give_back

VALUES = [0.0, 1e-12, 0.001, 1.0, 1.5, 3e7, 1e300]
RECORDERS = 3
in_directory = pytest.param(
    True, marks=pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")
)


@pytest.fixture(params=[False, in_directory], ids=["memory", "directory"])
def registry(request, tmp_path):
    registry = Registry(tmp_path / "d" if request.param else None)
    fill(registry)
    yield registry
    assert registry.problems() == {}


def fill(registry, values=VALUES):
    for i in range(RECORDERS):
        registry.recorder("q", i=i).record_many(values)


def held(registry):
    """Return all values of a registry, and check that the extremes are those of the values, not bounds."""
    total = registry.snapshot().total()
    if total.count:
        assert (total.min, total.max, total.synthetic) == (0.0, 1e300, False)
    return total


def added(one, more):
    return one if more is None else one + more


STEPS = pytest.mark.parametrize(("event", "stride"), [("opcode", 3), ("c_return", 1)])


@STEPS
def test_a_drain_of_a_registry(registry, event, stride):
    whole = held(registry)

    def check(n, result, caught):
        assert added(held(registry), result and result.total()) == whole
        if caught is None:
            fill(registry)

    assert at_each_step(lambda n: registry.drain, check, event, stride) > 5
    assert registry.drain().total() == whole


@STEPS
def test_a_drain_of_a_recorder(registry, event, stride):
    rec = registry.recorder("q", i=0)
    whole = rec.snapshot()

    def check(n, result, caught):
        assert added(rec.snapshot(), result) == whole
        if caught is None:
            rec.record_many(VALUES)

    assert at_each_step(lambda n: rec.drain, check, event) >= 2
    assert rec.drain() == whole


@STEPS
def test_a_removal(registry, event, stride):
    whole, key = held(registry), Key("q", i="1")

    def check(n, result, caught):
        total = registry.snapshot()
        assert (key in total) == (result is None)
        assert added(total.total(), result) == whole
        assert registry.recorder("q", i=1).snapshot().count == (len(VALUES) if result is None else 0)
        if result is not None:
            fill(registry)

    assert at_each_step(lambda n: lambda: registry.remove(key), check, event) >= 5


@STEPS
def test_a_merge(registry, event, stride):
    other = Registry()
    for i in range(RECORDERS + 2):
        other.recorder("q", i=i).record_many(VALUES)
    other.recorder("estimates").record_corrected(5.0, 1.0)
    more = other.snapshot()
    seen = set()

    def check(n, result, caught):
        now = registry.snapshot()
        counts = {key: now[key].count if key in now else 0 for key in more}
        before = counted[-1]
        all_of_it = {key: before.get(key, 0) + histogram.count for key, histogram in more.items()}
        assert counts in (all_of_it, {key: before.get(key, 0) for key in more}), f"step {n}"
        if caught is None:
            assert counts == all_of_it
        if counts == all_of_it:
            assert now[Key("estimates")].synthetic
        seen.add(counts == all_of_it)
        counted.append(counts)

    counted = [{key: histogram.count for key, histogram in registry.snapshot().items()}]
    assert at_each_step(lambda n: lambda: registry.merge(more), check, event, 5 * stride) > 50
    assert seen == {False, True}


@pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")
@pytest.mark.filterwarnings("ignore::historian.RegistryWarning")
@pytest.mark.parametrize("ask", ["registry", "recorder"])
def test_a_drain_of_files_that_were_removed(tmp_path, ask):
    registry, values = Registry(tmp_path / "d"), [0.0, 1.0, 1.5, 1e300]  # in few octaves: these files cannot grow
    for _ in range(3):
        fill(registry, values)
        registry.snapshot()
        os.unlink(tmp_path / "d" / "recorders")
    rec = registry.recorder("q", i=0)
    rec.record_many(values)
    whole = held(registry) if ask == "registry" else rec.snapshot()
    assert whole.count == len(values) * (3 * RECORDERS + 1 if ask == "registry" else 4)

    def check(n, result, caught):
        if ask == "registry":
            assert added(held(registry), result and result.total()) == whole
        else:
            assert added(rec.snapshot(), result) == whole

    assert at_each_step(lambda n: (registry if ask == "registry" else rec).drain, check, "opcode", 7) > 100


@pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")
def test_a_warning_that_is_an_error(tmp_path):
    """It comes after the drain."""
    registry = Registry(tmp_path / "d")
    fill(registry)
    with open(tmp_path / "d" / "recorders", "r+b") as file:
        file.seek(4096 + 8 * 2**18 + 536 + 411)  # damage the name of the first recorder
        file.write(b"!")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CorruptFileWarning)
        whole = held(registry)
    assert whole.count == 2 * len(VALUES)
    with pytest.raises(CorruptFileWarning):
        registry.drain()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CorruptFileWarning)
        assert held(registry) == registry.drain().total() == whole


@pytest.mark.parametrize(
    "values", [[0.0], [1e-12], [2.0**-32], [1.0], [5e-324, 1.7e308], [2.0**64], [1.0, 2.0**64 * 1.5]]
)
def test_extremes_that_are_bounds_are_given_back(values):
    """As after a record in flight, or in what `merge` adds: bounds stay bounds, and what is unknown becomes one."""
    counters = Counters()
    counters.record_many(values)
    taken = []
    counters._drain(taken)
    ((where, place, (counts, total, low, high)),) = taken
    for seen in [(low, high), (float("nan"), float("nan"))]:
        taken = [(where, place, (counts, total, *seen))]
        before = Histogram._from_reading((counts, total, *seen), "s")
        give_back(taken)
        assert taken == []
        assert Histogram._from_reading(counters._read(), "s") == before
        counters._drain(taken)
        again = Histogram._from_reading(taken[0][2], "s")
        give_back(taken)
        assert Histogram._from_reading(counters._read(), "s") == again == before
        counters._read(drain=True)


@pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")
def test_octaves_without_values_take_no_space(tmp_path):
    """What is merged or given back takes chunks as what is recorded does."""

    def used(registry):
        with open(os.path.join(registry.directory, "recorders"), "rb") as file:
            return os.path.getsize(file.name), int.from_bytes(os.pread(file.fileno(), 8, 128), "little")

    recorded, merged = Registry(tmp_path / "a"), Registry(tmp_path / "b")
    recorded.recorder("q").record_many([1e-9, 1e18])
    merged.merge(recorded.snapshot())
    assert used(merged) == used(recorded)
