"""Recordings under clocks that tests set: intervals neither overlap nor lose or double a value."""

import random
from itertools import pairwise

import pytest
from clocks import MIDNIGHT, SECOND, Machine, Service, counts, seconds

from historian import Histogram, Key, Registry
from historian._history.reading import open_source
from historian._history.writing import FileLog


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "shop.history")


def service(path, machine, registry=None, **more):
    return Service(Registry() if registry is None else registry, FileLog(path, sync=False), machine, **more)


def test_intervals_end_at_whole_multiples_of_the_step(path):
    """Looks come late, but the edges are those of all machines."""
    machine = Machine(MIDNIGHT + 3 * SECOND)
    shop = service(path, machine)
    shop.run(34)
    shop.stop()
    found = open_source(path)
    end = 3 + 34 + 3 * 0.003  # three looks were late by 3 ms
    assert seconds(found) == [(3, 10), (10, 20), (20, 30), (30, end)]
    assert [found.load(i)[Key("q")].count for i in range(4)] == [7, 10, 10, 7]


def test_what_was_counted_before_it_begins_is_not_in_it(path):
    registry = Registry()
    registry.recorder("q").record_many([1.0] * 100)
    shop = service(path, Machine(), registry)
    shop.run(20)
    shop.stop()
    assert counts(path) == 20


def test_intervals_without_values_are_there_and_hold_nothing(path):
    machine = Machine()
    shop = service(path, machine)
    for _ in range(3):
        machine.pass_time(10)
        assert shop.session.look()
    shop.stop()
    assert seconds(open_source(path)) == [(0, 10), (10, 20), (20, 30)]
    assert open_source(path).load(1) == {}


def test_a_look_that_comes_too_early_writes_nothing(path):
    machine = Machine()
    shop = service(path, machine)
    machine.pass_time(9.999)
    assert shop.session.wait() == pytest.approx(0.001)
    assert not shop.session.look()
    machine.pass_time(0.001)
    assert shop.session.wait() == 0
    assert shop.session.look()
    assert not shop.session.look()


def test_looks_that_are_late_make_one_interval_longer(path):
    machine = Machine()
    shop = service(path, machine)
    shop.registry.recorder("q").record(1.0)
    machine.pass_time(37)
    shop.session.look()
    shop.run(3)
    shop.stop()
    assert seconds(open_source(path))[:2] == [(0, 30), (30, 40)]
    assert counts(path) == 4


def test_a_clock_that_is_set_forward_leaves_a_gap(path):
    """3 s after midnight it is set from 00:00:03 to 01:00:03: 7 s later, 10 s have passed, not an hour."""
    machine = Machine()
    shop = service(path, machine)
    shop.run(3)
    machine.set_clock(3600)
    shop.run(10, late=0)
    shop.stop()
    found = seconds(open_source(path))
    assert found == [(0, 4), (3604, 3610), (3610, 3613)] or found == [(0, 10), (3610, 3613)]
    assert sum(end - start for start, end in found) == 13
    assert counts(path) == 13


def test_a_clock_that_is_set_back_makes_intervals_take_longer(path):
    """Intervals stay in their order; the times are ahead, by less and less."""
    machine = Machine()
    shop = service(path, machine)
    shop.run(20)
    machine.set_clock(-60)
    shop.run(700, late=0)
    assert shop.session._clock.read().time == machine.wall  # 600 s were enough to agree again
    shop.stop()
    found = seconds(open_source(path))
    assert all(a[1] == b[0] for a, b in pairwise(found))
    assert [end - start for start, end in found[:-1]] == [10] * (len(found) - 1)
    assert counts(path) == 720


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_done_to_the_clock_nothing_is_lost_or_doubled(path, seed):
    """Steps, sleeps that one clock or both notice, looks that are late, drains, new recorders, new writers."""
    rng, machine = random.Random(seed), Machine(MIDNIGHT + seed)
    registry = Registry()
    shop = service(path, machine, registry)
    counted = 0
    for _ in range(100):
        event = rng.randrange(8)
        if event == 0:
            machine.set_clock(rng.choice([-7200, -61, -1.5, -0.2, 0.2, 1.5, 61, 7200]))
        elif event == 1:
            machine.pass_time(rng.choice([25, 3600]))
        elif event == 2:
            shop.log.close() if rng.randrange(2) else shop.stop()  # killed, or told to stop
            shop = service(path, machine, registry)
        else:
            number = rng.randrange(1, 25)
            shop.run(number, rng.choice([0.001, 0.5]), rng.choice("abc"), late=rng.choice([0, 0.003, 4]))
            counted += number
    shop.stop()
    found = open_source(path)
    assert not found.problems
    assert all(start < end for start, end in zip(found.starts, found.ends))
    assert all(end <= start for end, start in zip(found.ends, found.starts[1:]))
    assert counts(found) == counted
    assert sum((h for i in range(len(found.starts)) for h in found.load(i).values()), Histogram()) == (
        registry.snapshot().total()
    )


def test_a_writer_that_was_killed_loses_nothing_that_recorders_still_hold(path):
    machine, registry = Machine(), Registry()
    shop = service(path, machine, registry)
    shop.run(35)
    shop.log.close()  # without a last interval: as if it was killed
    registry.recorder("q").record_many([1.0] * 10)
    machine.pass_time(600)
    shop = service(path, machine, registry)
    shop.run(20)
    shop.stop()
    found = seconds(open_source(path))
    end = 35 + 600 + 3 * 0.003
    assert found[2:4] == [(20, 30), (30, pytest.approx(end))]  # one interval has what was counted meanwhile
    assert open_source(path).load(3)[Key("q")].count == 5 + 10
    assert counts(path) == 35 + 10 + 20


def test_a_pause_without_values_is_a_gap(path):
    machine, registry = Machine(), Registry()
    shop = service(path, machine, registry)
    shop.run(30)
    shop.stop()
    machine.pass_time(600)
    shop = service(path, machine, registry)
    shop.run(20)
    shop.stop()
    found = seconds(open_source(path))
    assert found[2][1] < 31 and found[3][0] > 620
    assert counts(path) == 50


def test_a_disk_that_is_full_for_a_while_costs_no_value(path, monkeypatch):
    machine = Machine()
    shop = service(path, machine)
    shop.run(10)
    size = shop.log._tail
    write = FileLog._write

    def full(log, data):
        raise OSError(28, "No space left on device", path)

    monkeypatch.setattr(FileLog, "_write", full)
    with pytest.raises(OSError, match="No space"):
        shop.run(10)
    machine.pass_time(10)
    monkeypatch.setattr(FileLog, "_write", write)
    assert shop.log._tail == size
    shop.run(10, late=0)
    shop.stop()
    assert counts(path) == 30
    assert seconds(open_source(path))[:2] == [(0, 10), (10, 30)]
