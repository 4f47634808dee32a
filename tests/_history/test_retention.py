"""How long intervals are kept: what is told, what is refused, what follows from it."""

import pytest

from historian._history.retention import Tier, intervals_at_most, parse_tiers, spans, tiers_text

SECOND = 10**9
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
STEP = 10 * SECOND
YEAR = "10s:1d,1m:7d,1h:365d"


def test_tiers_are_read_and_written():
    tiers = parse_tiers(YEAR, STEP)
    assert tiers == (Tier(STEP, DAY), Tier(MINUTE, 7 * DAY), Tier(HOUR, 365 * DAY))
    assert tiers_text(tiers) == YEAR
    assert parse_tiers(" 10s : 1d , 60s:1w ", STEP) == tiers[:2]


@pytest.mark.parametrize("keep", ["1h", 3600, 3600.0])
def test_one_duration_keeps_intervals_of_the_step(keep):
    assert parse_tiers(keep, STEP) == (Tier(STEP, HOUR),)


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ("1m:1d", "the first step of keep must be that of the recording, 10s, not 1m: write 10s:1d"),
        ("10s:1d,15s:7d", "a step must be a whole multiple of the one before, not 15s after 10s"),
        ("10s:1d,10s:7d", "a step must be a whole multiple of the one before, not 10s after 10s"),
        ("10s:1d,1m:1h", "a longer step must be kept for longer, not 1m for 1h after 10s for 1d"),
        ("10s:1d,1m", "keep must be steps and how long they are kept, '10s:1d,1m:7d', not '10s:1d,1m'"),
        ("10s:1d,,", "keep must be steps and how long"),
        ("10s:1s", "keep must be at least a step, 10s, not 1s"),
        ("1s", "keep must be at least a step, 10s, not 1s"),
        ("10s:x", "how long it is kept must be a duration"),
        ("10s:", "how long it is kept must be a duration"),
        (0, "keep must be at least 1 ns"),
        (float("nan"), "keep must be"),
    ],
)
def test_what_is_refused(keep, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        parse_tiers(keep, STEP)


def test_files_cover_whole_steps_of_the_next_tiers():
    """An eighth of 1 d is 3 h, whole hours; an eighth of 7 d is 21 h; an eighth of 365 d would be, but none follows."""
    assert spans(parse_tiers(YEAR, STEP)) == [3 * HOUR, 3 * HOUR, 21 * HOUR]
    assert spans(parse_tiers("10s:1h,1m:1d", STEP)) == [8 * MINUTE, 8 * MINUTE]
    assert spans(parse_tiers("10s:1m,1h:1d", STEP)) == [HOUR, HOUR]
    assert spans(parse_tiers("1h", STEP)) == [450 * SECOND]
    assert spans(parse_tiers("10s", STEP)) == [STEP]


def test_the_bound_of_a_year():
    """(1 d + 2 * 3 h) / 10 s + (7 d + 2 * 21 h) / 1 min + (365 d + 2 * 21 h) / 1 h, and two for each tier."""
    assert intervals_at_most(parse_tiers(YEAR, STEP), 1) == 10_800 + 12_600 + 8_802 + 6
