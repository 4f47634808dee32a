"""The share of a request's tail that each part causes, by exact arithmetic and by simulation."""

import math
import random

import pytest

from historian import Histogram
from historian.plot._causes import Request
from historian.tail import all_of, first_of, hedge, seq

SUM = 0.002  # the error of a sum of times, see `historian.tail.sums`


def slow_in(share: float, *, fast: float = 0.001, slow: float = 0.1) -> Histogram:
    """Return 10,000 values, of which a share is slow."""
    many = round(10_000 * share)
    return Histogram.from_values([fast] * (10_000 - many) + [slow] * many)


def causes(operation: object, **parts: object) -> dict[str, float]:
    """Return the shares by name."""
    request = Request.of("whole", (operation, parts))  # type: ignore[arg-type]
    return dict(zip([one.name for one in request.walk()], request.causes()))


def test_a_part_that_alone_is_slow_causes_all() -> None:
    found = causes(seq, steady=slow_in(0.0), slow=slow_in(0.02))
    assert found == {"whole": 1.0, "steady": pytest.approx(0.0, abs=SUM), "slow": pytest.approx(1.0, abs=SUM)}


def test_two_equal_parts_one_after_the_other() -> None:
    """Either is slow in 2 % of the requests: 1 - 0.98**2 = 0.0396 are slow, and 0.02 without one of the parts."""
    found = causes(seq, a=slow_in(0.02), b=slow_in(0.02))
    assert found["a"] == found["b"] == pytest.approx(1 - 0.02 / 0.0396, abs=SUM)


def test_parts_of_which_either_is_fast_enough_cause_all_together() -> None:
    """Both must be slow, in 0.3**2 = 9 % of the requests: without one of them there is none, so shares add up to 2."""
    found = causes(lambda a, b: first_of({a: 1, b: 1}), a=slow_in(0.3), b=slow_in(0.3))
    assert found == {"whole": 1.0, "a": 1.0, "b": 1.0}


def test_equal_parts_of_one_object_stay_two_parts() -> None:
    x = slow_in(0.001).dist()
    found = causes(lambda a, b: all_of({a: 90, b: 10}), a=x, b=x)
    whole, without = 1 - 0.999**100, {"a": 1 - 0.999**10, "b": 1 - 0.999**90}
    for name, rest in without.items():
        assert found[name] == pytest.approx(1 - rest / whole, rel=1e-9)


def test_parts_of_parts() -> None:
    """1 - 0.999**50 = 4.88 % of the fans are slow; a hedge of the sessions leaves 0.02**2 of theirs."""
    look_up = {"look-up": slow_in(0.001)}
    session = (lambda x: hedge(x, after=0.05), {"session": slow_in(0.02)})
    found = causes(seq, hedged=session, fan=(lambda x: all_of(50, x), look_up))
    assert list(found) == ["whole", "hedged", "session", "fan", "look-up"]
    fan, hedged = 1 - 0.999**50, 0.02 * 0.02
    whole = 1 - (1 - fan) * (1 - hedged)
    assert found["fan"] == found["look-up"] == pytest.approx(1 - hedged / whole, abs=SUM)
    assert found["session"] == found["hedged"] == pytest.approx(1 - fan / whole, abs=SUM)


def test_beside_a_simulation() -> None:
    draw = random.Random(1)
    a = [draw.lognormvariate(-5, 0.5) for _ in range(40_000)]
    b = [draw.lognormvariate(-6, 1.2) for _ in range(40_000)]
    found = causes(seq, a=Histogram.from_values(a), b=Histogram.from_values(b))
    sums = sorted(x + y for x, y in zip(a, b))
    p99 = sums[int(0.99 * len(sums))]
    tail = sum(one >= p99 for one in sums)
    middle = {"a": sorted(a)[20_000], "b": sorted(b)[20_000]}
    without = {
        "a": sum(min(x, middle["a"]) + y >= p99 for x, y in zip(a, b)),
        "b": sum(x + min(y, middle["b"]) >= p99 for x, y in zip(a, b)),
    }
    for name, left in without.items():
        assert found[name] == pytest.approx(1 - left / tail, abs=0.04)  # 400 requests are in the tail


def test_what_is_not_known() -> None:
    x = slow_in(0.02)
    assert all(map(math.isnan, Request.of("whole", x).causes()))
    measured = Request.of("whole", (x, {"a": x, "b": (seq, {"c": x})}))
    assert all(map(math.isnan, measured.causes())) and len(measured.causes()) == 4
    assert all(map(math.isnan, Request.of("whole", (seq, {"a": Histogram()})).causes()))
    assert all(map(math.isnan, Request.of("whole", (seq, {"a": Histogram.from_values([0.0] * 9)})).causes()))


def test_what_is_no_request() -> None:
    x = slow_in(0.02)
    for part in (3, None, seq, (seq,), (seq, {}), (seq, [x]), (3, {"a": x})):
        with pytest.raises(TypeError, match="part 'whole' must be a distribution, or a pair"):
            Request.of("whole", part)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="the operation of part 'whole' must return a distribution, not 3"):
        Request.of("whole", (lambda a: 3, {"a": x}))  # type: ignore[arg-type, return-value]
