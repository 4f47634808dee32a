"""Where things lie in the file of a directory, written by one process: see docs/format.md."""

import os
import struct

from historian import buckets

CHUNK = 536
CHUNKS_AT = 4096 + 8 * 2**18  # where chunk 0 begins, after a page of header and the index
ENOUGH = 5000  # records after which a thread without the GIL has a lane of its own: 4096 are
HEAD_SUM = 56  # where digit 30 lies in a head


def file_of(directory):
    return os.path.join(directory, "recorders")


def word(path, at):
    with open(path, "rb") as file:
        file.seek(at)
        return struct.unpack("<Q", file.read(8))[0]


def entry_at(path, place=0):
    """Return where the entry of a recorder lies."""
    return CHUNKS_AT + CHUNK * (word(path, 4096 + 8 * place) & 0xFFFFFF)


def row_at(path, place=0, row=0):
    """Return where a row of a recorder lies: 0 is the one that was added last."""
    number = word(path, entry_at(path, place) + 8) & 0xFFFFFF  # above it is a check
    for _ in range(row):
        number = word(path, CHUNKS_AT + CHUNK * number + 8) & 0xFFFFFF
    return CHUNKS_AT + CHUNK * number


def chunk_at(path, value, place=0, row=0):
    """Return where the chunk of a value's octave lies: word 0, the pair of the sum, 64 counts."""
    octave = (buckets.index(value) + 2048) // 64
    number = word(path, row_at(path, place, row) + 144 + octave // 2 * 8) >> octave % 2 * 32 & 0xFFFFFF
    return CHUNKS_AT + CHUNK * number


def slot_at(path, value, place=0, row=0):
    """Return where the count of a value's bucket lies: in 8 bytes."""
    return chunk_at(path, value, place, row) + 24 + 8 * ((buckets.index(value) + 2048) % 64)


def chunks_used(path):
    """Return how many chunks are in use, or were given to lanes."""
    return word(path, 128)


def patched(path, at, data):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


def rows_of(rec):
    """Return how many lanes have counted in a recorder, the only one of its directory."""
    rows, number = 0, word(rec.path, entry_at(rec.path) + 8) & 0xFFFFFF
    while number:
        rows, number = rows + 1, word(rec.path, CHUNKS_AT + CHUNK * number + 8) & 0xFFFFFF
    return rows
