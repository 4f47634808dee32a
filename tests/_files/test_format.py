"""The bytes of a directory's file, as docs/format.md describes them, and files written by older versions."""

import gzip
import sys
from pathlib import Path

import file_reader
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layout import ENOUGH, file_of

from historian import Histogram, Key, Registry

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


DATA = Path(__file__).parents[1] / "data"


GOLDEN = {
    # written by two processes, each with a lane; the values of `render` after three drains
    Key("db.query", table="users", zone="é"): Histogram.from_values(
        [0.0, 2.0**-40, 0.1, 0.2, 0.2, 1.0, 2.0**70], unit="ms"
    ),
    Key("render"): Histogram.from_values([0.25, *[0.3] * 70, 5.0, 5.5, 60.0], unit="s"),
}


def test_a_golden_file(directory):
    data = gzip.decompress((DATA / "recorders.gz").read_bytes())
    registry = Registry(directory)
    Path(file_of(directory)).write_bytes(data)
    assert registry.snapshot() == GOLDEN
    for found, (key, expected) in zip(file_reader.read(data), GOLDEN.items()):
        assert same(found, key, expected)
    for key, expected in GOLDEN.items():
        rec = registry.recorder(key.name, unit=expected.unit, **dict(key.labels))
        rec.record(3.0)
        assert rec.drain() == expected + Histogram.from_values([3.0], unit=expected.unit)


def same(found, key, h):
    """Return whether the other reader's result is equal to historian's."""
    counts = {i + 2049: n for i, n in zip(h.indices.tolist(), h.counts.tolist())}
    zero, overflow = {0: h.zero_count} if h.zero_count else {}, {6145: h.overflow_count} if h.overflow_count else {}
    assert (found.name, found.labels, found.unit) == (key.name, dict(key.labels), h.unit)
    assert found.counts == {**zero, **counts, **overflow}
    assert (float(found.sum), found.min, found.max) == (h.sum, h.min, h.max) or h.count == 0
    return True


@given(
    st.lists(
        st.one_of(
            st.just("drain"),
            st.floats(0, 1e300, allow_subnormal=False),
            st.tuples(st.floats(2.0**-33, 2.0**65)),  # recorded so often that a thread gets a lane of its own
        ),
        max_size=12,
    )
)
def test_another_reader_finds_the_same(tmp_path_factory, steps):
    rec = Registry(tmp_path_factory.mktemp("other") / "d").recorder("q", unit="ms", a="1", b="")
    for step in steps:
        if step == "drain":
            rec.drain()
        else:
            rec.record_many([step] if isinstance(step, float) else step * ENOUGH)
    with open(rec.path, "rb") as file:
        [found] = file_reader.read(file.read())
    assert same(found, Key("q", a="1", b=""), rec.snapshot())
