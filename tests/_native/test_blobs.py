"""Rows of a column of blobs: they are added as single blobs are, without a copy of the column."""

import signal
import struct
import sys
import threading

import numpy as np
import pytest

from historian import Histogram, merge
from historian._core import MAX_BLOB_NBYTES, Blobs, Merged
from historian._values.base import make

HISTOGRAMS = [Histogram.from_values([1.0 + k] * (k + 1)) for k in range(6)]
BYTES = [histogram.to_bytes() for histogram in HISTOGRAMS]


def chunk(blobs, *, skipped=0, width=4, data=None):
    """Return an array of blobs as `Blobs` takes it; the first `skipped` ones do not belong to it."""
    offsets = [0]
    for blob in blobs:
        offsets.append(offsets[-1] + len(blob))
    packed = struct.pack(f"<{len(offsets)}{'i' if width == 4 else 'q'}", *offsets)
    return len(blobs) - skipped, skipped, width == 8, packed, b"".join(blobs) if data is None else data


def rows(*numbers):
    return np.array(numbers, np.int64)


def add(blobs, *numbers, before=0):
    """Return the sum of rows; or the row that is not valid, and why."""
    total = Merged()
    return total.add_rows(blobs, rows(*numbers), before) or make(Histogram, *total.result())


@pytest.mark.parametrize("width", [4, 8])
def test_rows_of_several_arrays(width):
    blobs = Blobs([chunk(BYTES[:2], width=width), chunk([]), chunk(BYTES[1:4], skipped=1), chunk(BYTES[4:], width=8)])
    assert len(blobs) == 6
    assert [blobs[row] for row in range(6)] == BYTES
    for chosen in ((), (0,), (5,), (0, 1, 2, 3, 4, 5), (5, 0, 3, 3, 1), (2, 2, 2)):
        assert add(blobs, *chosen) == merge([HISTOGRAMS[row] for row in chosen])
    assert len(Blobs([])) == len(Blobs([chunk([])])) == len(Blobs([(0, 0, False, b"", b"")])) == 0


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (b"", "it is cut short: it has only 0 bytes"),
        (b"damaged" * 9, "it does not begin with the bytes"),
        (BYTES[0][:-1] + b"\0", "its checksum is wrong"),
        (bytes(BYTES[0][:20]), "its checksum is wrong"),
        (BYTES[0][:4] + b"\7" + BYTES[0][5:], "its format has version 7"),
        (BYTES[0] + bytes(MAX_BLOB_NBYTES), f"it has {len(BYTES[0]) + MAX_BLOB_NBYTES} bytes, more than"),
    ],
)
def test_the_first_row_that_is_not_valid_is_named(blob, reason):
    blobs = Blobs([chunk(BYTES[:2]), chunk([BYTES[2], blob, BYTES[3], blob])])
    total = Merged()
    row, why = total.add_rows(blobs, rows(0, 2, 3, 4, 5), 1_000)
    assert row == 1_003
    assert why.startswith(reason)
    assert make(Histogram, *total.result()) == HISTOGRAMS[0] + HISTOGRAMS[2]  # as `add_rows` says
    assert add(blobs, 0, 1, 4) == merge([HISTOGRAMS[0], HISTOGRAMS[1], HISTOGRAMS[3]])


def test_units():
    in_ms = [Histogram.from_values([k], unit="ms").to_bytes() for k in (1, 2)]
    blobs = Blobs([chunk([*in_ms, BYTES[0], Histogram().to_bytes()])])
    assert add(blobs, 0, 3, 1) == Histogram.from_values([1, 2], unit="ms")
    assert add(blobs, 3, 0, 1) == Histogram.from_values([1, 2], unit="ms")
    with pytest.raises(ValueError, match=r"'ms' and 's': record both in one unit \(at position 7\)"):
        add(blobs, 0, 1, 2, before=5)


def test_counts_that_are_too_large():
    huge = Histogram.from_values([1.0], counts=[2**62]).to_bytes()
    with pytest.raises(OverflowError, match=r"2\*\*63 \(at position 1\)"):
        add(Blobs([chunk([huge, huge])]), 0, 1)


@pytest.mark.parametrize("offsets", [(0, -1, 5), (0, 5, 4), (-4, 5, 5), (2**31 - 1, 0, 0), (0, 10**6, 10**6)])
def test_offsets_outside_of_the_data(offsets):
    blobs = Blobs([(2, 0, False, struct.pack("<3i", *offsets), b"x" * 10)])
    wrong = [row for row in (0, 1) if not 0 <= offsets[row] <= offsets[row + 1] <= 10]
    for row in wrong:
        assert add(blobs, row, before=3) == (row + 3, "its offsets are wrong")
        with pytest.raises(ValueError, match=f"row {row} has no bytes: its offsets are wrong"):
            blobs[row]
    assert wrong


def test_rows_that_are_not_there():
    blobs = Blobs([chunk(BYTES)])
    for row in (-1, 6, 2**63 - 1, -(2**63)):
        assert add(blobs, 0, row) == (row, "its offsets are wrong")
        with pytest.raises(IndexError):
            blobs[row]


@pytest.mark.parametrize(
    ("made", "error"),
    [
        ((2, 0, False, bytes(8), b""), ValueError),
        ((1, 1, False, bytes(8), b""), ValueError),
        ((1, 0, True, bytes(8), b""), ValueError),
        ((-1, 0, False, bytes(8), b""), ValueError),
        ((1, -1, False, bytes(8), b""), ValueError),
        ((2**62, 2**62, False, bytes(8), b""), ValueError),
        ((2**63 - 1, 2**63 - 1, False, bytes(8), b""), ValueError),
        ((2**64, 0, False, bytes(8), b""), OverflowError),
        ((1, 0, False, "text", b""), TypeError),
        ((1, 0, False, bytes(8), None), TypeError),
        ((1, 0, False, bytes(8)), ValueError),
        (5, TypeError),
    ],
)
def test_memory_that_is_not_an_array(made, error):
    with pytest.raises(error):
        Blobs([chunk(BYTES), made])
    with pytest.raises(TypeError):
        Blobs(made)


def test_what_is_added_refuses_other_rows():
    with pytest.raises(TypeError):
        Merged().add_rows(None, rows(0))
    with pytest.raises(TypeError):
        Merged().add_rows(Blobs([]), [0])


def test_bytes_that_change_are_added_as_they_were_checked():
    """Another thread writes two blobs in turn: each row is one of them, or is refused for its checksum."""
    size = len(BYTES[1])
    written = [np.frombuffer(blob, np.uint8) for blob in (BYTES[1], Histogram.from_values([9.0] * 2).to_bytes())]
    assert [len(one) for one in written] == [size, size]
    data = np.tile(written[0], 200)
    blobs = Blobs([chunk([bytes(size)] * 200, data=data)])
    view, stopped, counts = data.reshape(200, size), threading.Event(), {0: 0, 1: 0}

    def write():
        while not stopped.is_set():
            for one in written:
                view[:] = one  # without the GIL

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(300):
            total = Merged()
            wrong = total.add_rows(blobs, np.arange(200))
            histogram = make(Histogram, *total.result())
            assert histogram.count == 2 * (200 if wrong is None else wrong[0])
            assert set(histogram.indices.tolist()) <= {63, 202}  # 2 = 2^(64/64); 9 = 2^(202.9/64)
            assert wrong is None or "checksum" in wrong[1]
            counts[wrong is None] += 1
    finally:
        stopped.set()
        writer.join()
    assert sum(counts.values()) == 300


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGALRM")
def test_a_signal_interrupts_a_long_sum():
    def interrupt(*_):
        raise KeyboardInterrupt

    blobs, many = Blobs([chunk(BYTES)]), np.zeros(50_000_000, np.int64)
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            Merged().add_rows(blobs, many)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
