"""The time of intervals: it never goes back, and follows the machine's clock as far as it can."""

from clocks import MIDNIGHT, SECOND, Machine
from hypothesis import given
from hypothesis import strategies as st

from historian._history.clock import Clock, elapsed_ns


def test_it_is_the_time_of_the_machine():
    machine = Machine()
    clock = machine.clock()
    machine.pass_time(12.5)
    assert clock.read() == (MIDNIGHT + 12_500_000_000, 0)


def test_small_corrections_forward_are_followed_and_are_no_jump():
    machine = Machine()
    clock = machine.clock()
    machine.set_clock(0.999)
    assert clock.read() == (MIDNIGHT + 999_000_000, 0)


def test_a_clock_that_is_set_forward_jumps():
    machine = Machine()
    clock = machine.clock()
    machine.pass_time(2)
    machine.set_clock(3600)
    assert clock.read() == (MIDNIGHT + 3602 * SECOND, 3600 * SECOND)
    assert clock.read() == (MIDNIGHT + 3602 * SECOND, 0)  # once


def test_a_clock_that_is_set_back_is_waited_for():
    """Time passes slower by a tenth: after 10 s it is 9 s later, so a second of the lead is gone."""
    machine = Machine()
    clock = machine.clock()
    machine.set_clock(-5)
    times = []
    for _ in range(6):
        machine.pass_time(10)
        times.append((clock.read().time - MIDNIGHT) / SECOND)
    assert times == [9, 18, 27, 36, 45, 55]  # the machine's clock says 55: both agree again


def test_a_sleep_that_the_other_clock_does_not_notice_is_a_jump():
    machine = Machine()
    clock = machine.clock()
    machine.wall += 8 * 3600 * SECOND
    assert clock.read().jump == 8 * 3600 * SECOND


def test_it_begins_after_what_is_written():
    assert Machine().clock(MIDNIGHT + 7).read().time == MIDNIGHT + 7
    assert Machine().clock(MIDNIGHT - 7).read().time == MIDNIGHT


@given(
    st.lists(
        st.tuples(st.integers(0, 10**12), st.integers(-(10**13), 10**13)),  # ns that pass, and by which it is set
        max_size=30,
    )
)
def test_it_never_goes_back_and_never_says_that_more_time_has_passed_than_has(steps):
    machine = Machine()
    clock = machine.clock()
    last = clock.read().time
    for passed, change in steps:
        machine.monotonic += passed
        machine.wall += passed + change
        now = clock.read()
        assert now.time >= last
        assert now.time - last >= passed - passed // 10
        if now.jump:
            assert now.time - last == passed + now.jump
        else:
            assert now.time - last < passed + SECOND
        last = now.time


def test_the_clocks_of_this_machine():
    clock = Clock()
    first, second = clock.read(), clock.read()
    assert first.time <= second.time
    assert elapsed_ns() <= elapsed_ns()
