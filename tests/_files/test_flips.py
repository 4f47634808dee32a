"""A flipped bit in a directory's file is reported, or changes only a count, a sum or an extreme of one recorder."""

import sys
from collections import Counter

import flips
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


def test_flipped_bits(directory):
    # All of them: python tests/helpers/flips.py.
    file = flips.Flips(flips.prepare(directory))
    effects = Counter()
    for at in file.words:
        is_sampled = at in file.counting or not any(file.pages[at : at + 8])
        for bit in range(at // 8 % 31, 64, 31) if is_sampled else range(64):
            effects[file.check(at, bit)] += 1
    assert min(effects.values()) > 100 and len(effects) == 4, effects
