"""A short soak; the long one is ``python tests/helpers/soak.py DIRECTORY``."""

import sys

import pytest
import soak

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the space of recorders is freed on Linux")


def test_a_short_soak(directory):
    found = soak.soak(directory, processes=3, recorders=100, seconds=4)
    assert (found.lost, found.strangers) == (0, 0) and found.surplus <= found.kills
    assert found.records > 1000 and found.removed > 0 and found.drained > 0 and found.kills > 0
    assert found.places <= 110  # a process that is killed while it writes an entry leaves a place behind
