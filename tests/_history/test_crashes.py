"""Writers of history are killed at any moment, and files are cut and changed at any byte."""

import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")

#: Kills of each drill; ``python tests/helpers/history_drill.py FOLDER 200`` is more thorough.
KILLS = 15


@pytest.mark.parametrize("keep", ["", "tiers"])
def test_kills_and_torn_writes_lose_nothing_that_was_written(tmp_path, keep):
    """And nothing at all once another writer has gone on: what the killed one had not written is in its intervals."""
    from history_drill import TIERS, drill, flip

    outcome = drill(str(tmp_path), KILLS, keep=TIERS if keep else "")
    assert outcome.kills == KILLS
    assert (outcome.lost, outcome.surplus, outcome.overlaps) == (0, 0, 0), outcome
    assert outcome.written == outcome.recorded > KILLS, outcome
    if not keep:
        flip(outcome, str(tmp_path / "history"), 2 * KILLS)
        assert outcome.lost_by_flips <= outcome.largest, outcome
        assert outcome.surplus == 0
