"""Frames: what is written is read, damage is found, and what follows it is found again."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian._history.frames import (
    FIRST_FRAME,
    FRAME_NBYTES,
    INTERVAL,
    KEYS,
    MAX_BODY_NBYTES,
    Fault,
    FileHeader,
    Frame,
    body_of,
    file_header,
    frame,
    frames,
    read_file_header,
    read_frame,
)

ID = bytes(range(16))
HEADER = FileHeader(ID, 1_767_225_600_000_000_000, 10_000_000_000)


def file_of(*parts):
    """Return a file of frames, and a function that reads it."""
    data = b"".join([file_header(HEADER), *parts])
    return data, lambda at, nbytes: data[at : at + nbytes]


def found_in(data, id=ID):
    return list(frames(id, lambda at, nbytes: data[at : at + nbytes], len(data)))


def some_frames(count=5):
    return [frame(ID, INTERVAL, k, bytes([k]) * 100, 10 * k, 10 * k + 10) for k in range(count)]


def test_the_sizes_that_the_format_states():
    assert (len(file_header(HEADER)), FIRST_FRAME, FRAME_NBYTES) == (128, 128, 48)
    assert len(frame(ID, INTERVAL, 0, b"", 1, 2)) == 48


def test_headers_of_files():
    data = file_header(HEADER)
    assert read_file_header(data) == HEADER
    for bit in range(8 * len(data)):  # either copy is enough
        spoiled = bytearray(data)
        spoiled[bit // 8] ^= 1 << bit % 8
        assert read_file_header(bytes(spoiled)) == HEADER
    assert read_file_header(b"") == "it is empty"
    assert read_file_header(b"{}" * 99) == "it is not a file of history"
    assert read_file_header(data[:63]) == "it is not a file of history"
    both = bytearray(data)
    both[20] ^= 1
    both[84] ^= 1
    assert read_file_header(bytes(both)) == "the checksum of its header is wrong"


def test_a_later_version_is_refused():
    part = bytearray(file_header(HEADER)[:60])
    part[8] = 2
    part += zlib.crc32(part).to_bytes(4, "little")
    assert read_file_header(bytes(2 * part)) == "its format has version 2: this historian reads version 1"


@given(st.binary(max_size=2000), st.integers(0, 2**63 - 2), st.integers(0, 2**64 - 1))
def test_what_is_written_is_read(body, start, number):
    data = frame(ID, INTERVAL, number, body, start, start + 1)
    found = read_frame(ID, data, 5)
    assert found is not None
    assert (found.kind, found.number, found.start, found.end, found.offset) == (INTERVAL, number, start, start + 1, 5)
    assert body_of(found, data[FRAME_NBYTES:]) == body
    assert len(data) <= FRAME_NBYTES + len(body)


def test_frames_of_another_file_are_not_valid():
    """A block of a disk may hold what another file had there."""
    data = frame(bytes(16), KEYS, 0, b"")
    assert read_frame(ID, data, 0) is None
    assert read_frame(bytes(16), data, 0) is not None


def test_all_frames_are_found_in_their_order():
    data, _ = file_of(*some_frames())
    assert [(one.number, one.start) for one in found_in(data)] == [(0, 0), (1, 10), (2, 20), (3, 30), (4, 40)]


@pytest.mark.parametrize("bit", range(0, 8 * FRAME_NBYTES, 5))
def test_a_flipped_bit_in_a_header_costs_that_frame_only(bit):
    parts = some_frames()
    data = bytearray(file_of(*parts)[0])
    at = FIRST_FRAME + len(parts[0]) + len(parts[1])
    data[at + bit // 8] ^= 1 << bit % 8
    found = found_in(bytes(data))
    assert found[2] == Fault(at, at + len(parts[2]), False)
    assert [one.number for one in found if isinstance(one, Frame)] == [0, 1, 3, 4]


def test_a_flipped_bit_in_a_body_costs_that_frame_only():
    parts = some_frames()
    data = file_of(*parts)[0]
    one = found_in(data)[2]
    for at in range(one.offset + FRAME_NBYTES, one.after):
        spoiled = bytearray(data)
        spoiled[at] ^= 0x10
        assert found_in(bytes(spoiled)) == found_in(data)  # headers are all right
        assert body_of(one, bytes(spoiled[one.offset + FRAME_NBYTES : one.after])) is None


def test_a_file_cut_anywhere_has_all_whole_frames():
    parts = some_frames()
    data = file_of(*parts)[0]
    ends = [FIRST_FRAME]
    for part in parts:
        ends.append(ends[-1] + len(part))
    for size in range(FIRST_FRAME, len(data)):
        found = found_in(data[:size])
        whole = max(k for k, end in enumerate(ends) if end <= size)
        assert [one.number for one in found if isinstance(one, Frame)] == list(range(whole))
        faults = [one for one in found if isinstance(one, Fault)]
        assert faults == ([] if size in ends else [Fault(ends[whole], size, True)])


def test_frames_after_one_that_is_not_complete_are_found():
    """A writer that does not know of the crash before it would append them."""
    parts = some_frames()
    data = file_of(parts[0], parts[1][:-7], *parts[2:])[0]
    assert [one.number for one in found_in(data) if isinstance(one, Frame)] == [0, 2, 3, 4]


def test_magic_at_the_edge_of_what_is_searched_at_a_time():
    parts = some_frames(2)
    for extra in (0, 1, 47, 48, 49):
        junk = b"\x89HSF" + b"x" * ((1 << 20) - extra)
        data = file_of(parts[0], junk, parts[1])[0]
        assert [one.number for one in found_in(data) if isinstance(one, Frame)] == [0, 1]


def test_a_body_takes_no_more_memory_than_its_header_says():
    stored = zlib.compress(bytes(10_000_000))
    one = Frame(0, INTERVAL, 1, len(stored), 100, zlib.crc32(stored), 0, 1, 2)
    assert body_of(one, stored) is None


def test_a_body_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr("historian._history.frames.MAX_BODY_NBYTES", 10)
    with pytest.raises(ValueError, match="an interval takes 11 bytes, the limit is 10"):
        frame(ID, INTERVAL, 0, bytes(11), 1, 2)
    assert MAX_BODY_NBYTES == 2**30
