"""The bytes of a recorder's file, as docs/format.md describes them, and files written by older versions."""

import os
import shutil
import sys
from pathlib import Path

import file_reader
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layout import ENOUGH

from historian import Histogram, Key, Registry
from historian._files.header import file_name

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


DATA = Path(__file__).parents[1] / "data"


@pytest.mark.parametrize(
    ("golden", "key", "expected"),
    [
        (  # written by one process that recorded these values: it has only the shared block
            "shared.counters",
            Key("db.query", table="users", zone="é"),
            Histogram.from_values([0.0, 2.0**-40, 0.1, 0.2, 0.2, 1.0, 2.0**70], unit="ms"),
        ),
        (  # written by two processes with blocks of their own: three drains, and then these values
            "drained.counters",
            Key("render"),
            Histogram.from_values([0.25, *[0.3] * 70, 5.0, 5.5, 60.0], unit="s"),
        ),
    ],
    ids=["shared", "drained"],
)
def test_golden_files(directory, golden, key, expected):
    registry = Registry(directory)
    shutil.copy(DATA / golden, os.path.join(directory, file_name(key)))
    assert registry.snapshot() == {key: expected}
    rec = registry.recorder(key.name, unit=expected.unit, **dict(key.labels))
    rec.record(3.0)
    assert rec.drain() == expected + Histogram.from_values([3.0], unit=expected.unit)
    assert same(file_reader.read((DATA / golden).read_bytes()), key, expected)


def same(found, key, h):
    """Return whether the other reader's result is equal to historian's."""
    counts = {i + 2049: n for i, n in zip(h.indices.tolist(), h.counts.tolist())}
    zero, overflow = {0: h.zero_count} if h.zero_count else {}, {6145: h.overflow_count} if h.overflow_count else {}
    assert (found.name, found.labels, found.unit) == (key.name, dict(key.labels), h.unit)
    assert found.counts == {**zero, **counts, **overflow}
    assert (float(found.sum), found.min, found.max) == (h.sum, h.min, h.max) or h.count == 0
    assert (found.min_is_bound, found.max_is_bound) == (not h._knows_min(), not h._knows_max())
    return True


@given(
    st.lists(
        st.one_of(
            st.just("drain"),
            st.floats(0, 1e300, allow_subnormal=False),
            st.tuples(st.floats(2.0**-33, 2.0**65)),  # recorded so often that the process gets a block of its own
            st.tuples(st.sampled_from([0.0, 0.5, 2.0, 1e30]), st.floats(0, 1e300)),  # added without exact extremes
        ),
        max_size=12,
    )
)
def test_another_reader_finds_the_same(tmp_path_factory, steps):
    registry = Registry(tmp_path_factory.mktemp("other") / "d")
    rec = registry.recorder("q", unit="ms", a="1", b="")
    for step in steps:
        if step == "drain":
            rec.drain()
        elif isinstance(step, tuple) and len(step) == 2:
            extremes = Histogram.from_values(step, unit="ms")
            registry.merge({Key("q", a="1", b=""): (extremes + extremes) - extremes})
        else:
            rec.record_many([step] if isinstance(step, float) else step * ENOUGH)
    with open(rec.path, "rb") as file:
        assert same(file_reader.read(file.read()), Key("q", a="1", b=""), rec.snapshot())
