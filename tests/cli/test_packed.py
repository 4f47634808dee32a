"""Compressed input: members one after the other, damage at every byte, and bombs in little memory."""

import bz2
import gzip
import io
import lzma
import random
import sys
import zlib

import pytest
from limited import limited
from outside import historian

from historian.cli._input.packed import DamagedError, Members
from historian.cli._input.stream import unpacked


def zstd_compress(data):
    return pytest.importorskip("zstandard").ZstdCompressor(write_checksum=True).compress(data)


PACK = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd_compress}
SKIPPABLE = b"\x5a\x2a\x4d\x18\x04\x00\x00\x00abcd"  # RFC 8878, 3.1.2


class Slow(io.RawIOBase):
    """Bytes that come in pieces, as from a pipe."""

    def __init__(self, data, size):
        self._stream = io.BytesIO(data)
        self._size = size

    def readable(self):
        return True

    def readinto(self, buffer):
        data = self._stream.read(min(len(buffer), self._size))
        buffer[: len(data)] = data
        return len(data)


@pytest.fixture(params=PACK)
def pack(request):
    PACK[request.param](b"")
    return PACK[request.param]


def contents(data, size=1 << 20):
    return unpacked(io.BufferedReader(Slow(data, size)), "a")[0].read()


@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
def test_members_follow_each_other(pack, size):
    body = random.Random(1).randbytes(20_000)
    assert contents(pack(body) + pack(b"") + pack(b"end"), size) == body + b"end"
    assert contents(pack(b""), size) == b""


def test_null_bytes_are_padding(pack):
    assert contents(pack(b"1") + b"\0" * 100_000 + pack(b"2") + b"\0" * 3) == b"12"


def test_frames_to_skip():
    assert contents(SKIPPABLE + zstd_compress(b"1") + SKIPPABLE + zstd_compress(b"2")) == b"12"


def test_other_bytes_after_the_end_are_refused(pack, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_bytes(pack(b"1 2 3\n") + b"garbage\xff")
    message = "a: more bytes follow the end of its compressed data: 'garbage\\xff'\n"
    assert historian("summarize", "a") == (1, "", f"historian summarize: {message}")
    assert historian("summarize", "a", "--skip-bad") == (1, "", (
        f"historian summarize: skipped 1 bad entry; the first: {message}"
        "historian summarize: a: it contains no numbers\n"
    ))  # fmt: skip


def test_a_cut_or_damaged_file_is_never_taken_for_a_whole_one(pack):
    body = random.Random(2).randbytes(500)
    whole = pack(body)
    for cut in range(6, len(whole)):
        with pytest.raises(DamagedError, match=r"^a: cannot be decompressed: it is cut short$"):
            contents(whole[:cut])
    for k in range(6, len(whole)):
        flipped = bytearray(whole)
        flipped[k] ^= 0x10
        try:
            found = contents(bytes(flipped))
        except DamagedError as error:
            why = str(error)
        else:
            assert found == body  # a byte of the header that means nothing, such as a time
            continue
        assert why.startswith("a: ") and why.isprintable()


def test_xz_may_not_ask_for_much_memory():
    data = lzma.compress(b"1", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}])
    assert contents(data) == b"1"
    header = bytearray(data[12:24])  # the header of the first block; its fifth byte is the size of the dictionary
    assert header[2:4] == b"\x21\x01"
    header[4] = 37  # 3 << 29, 1.5 GiB
    header[-4:] = zlib.crc32(header[:-4]).to_bytes(4, "little")
    with pytest.raises(DamagedError, match="it needs too much memory"):
        contents(data[:12] + bytes(header) + data[24:])


def test_errors_of_the_file_itself_are_not_damage():
    class Broken(io.RawIOBase):
        def read(self, size=-1):
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        Members(Broken(), "a", (b"BZh",), bz2.BZ2Decompressor).readinto(bytearray(10))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as on Linux")
@pytest.mark.parametrize("line", [b"\n", b"0" * 64])
def test_a_bomb_needs_little_memory(pack, tmp_path, line):
    """Read a small file of 512 MiB of empty lines, or of one number, in an address space of 300 MiB."""
    member = pack(line * ((64 << 20) // len(line)))
    (tmp_path / "a").write_bytes(member * 8)
    status, out, err = limited("summarize", "a", nbytes=300 << 20, cwd=tmp_path)
    assert (status, out) == (1, "") and err.count("\n") == 1
    assert "a: it contains no numbers" in err if line == b"\n" else "a:1: '0000" in err
