"""When a baseline alarms: limits by hand, and a small simulation with a seed."""

import math
import random

import pytest

from historian import Histogram
from historian.meters.pytest._alarm import FEWER, Pair, Rule, statistics_of


def runs(clock: list[float], relative: list[float]) -> list[dict[str, Pair]]:
    return [{"p50": Pair(*pair)} for pair in zip(clock, relative)]


def test_the_limit_is_that_of_a_prediction_for_one_more_run() -> None:
    saved = runs([0.0, 0.1, 0.2, 0.3, 0.4], [0.0, 0.1, 0.2, 0.3, 0.4])
    rule = Rule.of([saved], 0.05)
    # s = sqrt((4 + 1 + 0 + 1 + 4)/100/4) = 0.1581; t of 4 degrees at 0.95 = 2.1318; times sqrt(1 + 1/5) is 0.3693
    assert not rule.alarms(saved, {"p50": Pair(0.2 + 0.369, 0.2 + 0.369)}, 0.0)
    (one, other) = rule.alarms(saved, {"p50": Pair(0.2 + 0.370, 0.2 + 0.370)}, 0.0)["p50"]
    assert one.limit == other.limit == pytest.approx(math.exp(0.3693), abs=2e-4)
    # beyond the slowest run, 0.2 above the mean, by 25 %: 0.2 + log 1.25 = 0.4231
    assert not rule.alarms(saved, {"p50": Pair(0.2 + 0.423, 0.2 + 0.423)}, 0.25)
    assert rule.alarms(saved, {"p50": Pair(0.2 + 0.424, 0.2 + 0.424)}, 0.25)


def test_the_steadier_of_both_statistics_decides_else_both() -> None:
    steady, noisy = [0.0, 0.01, 0.02, 0.03, 0.04], [0.0, 0.1, 0.2, 0.3, 0.4]
    for clock, relative, slow, fine in (
        (noisy, steady, Pair(0.2, 2.0), Pair(0.4, 0.02)),
        (steady, noisy, Pair(2.0, 1.9), Pair(0.02, 1.9)),
    ):
        saved = runs(clock, relative)
        assert Rule.of([saved], 0.01).alarms(saved, {"p50": slow}, 0.25)
        assert not Rule.of([saved], 0.01).alarms(saved, {"p50": fine}, 0.25)
    saved = runs(steady, steady)
    assert not Rule.of([saved], 0.01).alarms(saved, {"p50": Pair(0.02, 2.0)}, 0.25)


def test_nothing_is_compared_on_a_machine_that_is_slower_than_in_each_saved_run() -> None:
    saved = runs([0.0] * 10, [0.0] * 10)  # so is the logarithm of the reference: 0
    rule = Rule.of([saved], 0.01)
    for reference, is_known in ((math.log(1.24), True), (math.log(1.26), False)):
        new = {"p50": Pair(reference + 9.0, 9.0)}
        assert bool(rule.alarms(saved, new, 0.25)) == is_known
        assert rule.unknown(saved, new, 0.25) == ([] if is_known else ["p50"])


def test_with_too_few_runs_there_is_no_alarm() -> None:
    saved = runs([0.0] * 4, [0.0] * 4)
    assert not Rule.of([saved], 0.01).alarms(saved, {"p50": Pair(9.0, 9.0)}, 0.25)


def test_code_that_is_called_less_often_because_it_is_slow_is_compared() -> None:
    one, many = Histogram.from_values([1.0]), Histogram.from_values([0.001] * 20)
    assert statistics_of(one, one) == {}
    assert set(statistics_of(one, one, fewer=FEWER)) == set(statistics_of(many, many)) == {"p50"}


def test_suites_without_a_change_rarely_alarm() -> None:
    draw, alarms, suites = random.Random(1), 0, 100
    for _ in range(suites):
        tests = [runs(*([draw.gauss(0, 0.15) for _ in range(11)] for _ in "ab")) for _ in range(20)]
        rule = Rule.of([one[:-1] for one in tests], 0.01)
        alarms += any(rule.alarms(one[:-1], one[-1], 0.25) for one in tests)
    assert alarms <= 5  # at 1 %, more than 5 of 100 come with a probability of 0.05 %
