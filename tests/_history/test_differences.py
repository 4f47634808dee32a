"""What recorders have counted between two looks: nothing is lost or counted twice, whatever happens to them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Histogram, Key, Registry, Snapshot
from historian._history.differences import Differences, Total

Q = Key("q")


def of(count, source="a-0-0", value=1.0, **more):
    sources = {} if source is None else {Q: (source, 1.0)}
    return Snapshot({Q: Histogram.from_values([value] * count)}, sources=sources, **more)


def looked(*snapshots):
    """Return how many values each look finds, after a first one that begins."""
    differences = Differences()
    differences.begin(snapshots[0])
    found = []
    for snapshot in snapshots[1:]:
        change = differences.since(snapshot)
        differences.accept(change)
        found.append(sum(one.count for one in change.counted.values()))
    return found


def test_totals_become_differences():
    assert looked(of(3), of(5), of(5), of(9)) == [2, 0, 4]


def test_a_recorder_that_is_new():
    assert looked(Snapshot(), of(5), of(6)) == [5, 1]


def test_a_recorder_that_was_drained_starts_again():
    """Also if it holds as much as before, or more."""
    assert looked(of(3), of(2, "a-0-1"), of(3, "a-0-2"), of(7, "a-0-3")) == [2, 3, 7]


def test_a_recorder_that_cannot_be_read_for_a_moment_is_not_counted_twice():
    assert looked(of(3), Snapshot(), of(5)) == [0, 2]


def test_a_recorder_whose_source_is_not_known():
    """It is of several sources, since its file was removed: what it held before is in it, or it has been drained."""
    assert looked(of(3), of(5, None), of(6, None), of(2, None)) == [2, 1, 2]


def test_a_total_that_falls_without_a_drain_is_damage():
    assert looked(of(5), of(3), of(4)) == [0, 1]


def test_another_unit_is_another_recorder():
    differences = Differences()
    differences.begin(of(3))
    now = Snapshot({Q: Histogram.from_values([1.0] * 5, unit="ms")}, sources={Q: ("a-1-0", 1.0)})
    assert differences.since(now).counted[Q].count == 5


def test_what_is_not_accepted_is_found_again():
    differences = Differences()
    differences.begin(of(3))
    for _ in range(2):
        assert differences.since(of(5)).counted[Q].count == 2


def test_recorders_of_before_are_strangers_if_their_source_is_not_known():
    """A log goes on after a pause: another directory, which existed at its end, is not what was counted meanwhile."""
    known = {Q: Total("a-0-0", Histogram.from_values([1.0] * 3))}
    cases = [
        (of(5), [], 2),
        (of(5, starts={Q: 1.0}), [], 2),
        (of(4, "a-0-1"), [], 4),  # drained since
        (of(4, "b-0-0", starts={Q: 99.0}), [Q], 0),  # existed at the end, at 100 s
        (of(4, "b-0-0", starts={Q: 101.0}), [], 4),  # was created since
    ]
    for snapshot, strangers, counted in cases:
        differences = Differences()
        assert differences.resume(known, snapshot, 100.0) == strangers
        assert sum(one.count for one in differences.since(snapshot).counted.values()) == counted


def test_removed_recorders_are_forgotten_in_the_end():
    differences = Differences()
    differences.begin(of(3))
    differences.forget(Snapshot())
    assert differences.totals == {}


@pytest.mark.parametrize("in_directory", [False, True])
@given(st.lists(st.sampled_from(["record a", "record b", "look", "drain", "remove a", "clear", "damage"]), max_size=30))
def test_all_that_no_drain_takes_is_found_once(in_directory, tmp_path_factory, steps):
    """What is taken out of a recorder between two looks is not seen; all else is, exactly."""
    registry = Registry(tmp_path_factory.mktemp("d") / "d" if in_directory else None)
    differences = Differences()
    differences.begin(registry.snapshot())
    found = {"a": 0, "b": 0}
    pending = {"a": 0, "b": 0}  # recorded since the last look
    expected = {"a": 0, "b": 0}
    for step in [*steps, "look"]:
        what, _, name = step.partition(" ")
        if what == "record":
            registry.recorder(name).record(1.5)
            pending[name] += 1
        elif what == "look":
            change = differences.since(registry.snapshot())
            differences.accept(change)
            for key, one in change.counted.items():
                found[key.name] += one.count
            for one, count in pending.items():
                expected[one] += count
            pending = {"a": 0, "b": 0}
        elif what in ("drain", "clear"):
            registry.drain() if what == "drain" else registry.clear()
            pending = {"a": 0, "b": 0}
        elif what == "remove" and Key("a") in registry.snapshot():
            registry.remove(Key("a"))
            pending["a"] = 0
    assert found == expected
