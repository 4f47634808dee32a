"""Where things lie in a recorder's file."""

from historian import buckets

BLOCK = 53248  # 13 pages: 272 + 6146 numbers of 8 bytes, rounded up
SUM = 64  # where the sum begins in a block: octaves, then digits
COUNTS = 8 * 272  # where the counts begin
SHARED = 4096  # where block 0 begins, after one page of header
ENOUGH = 5000  # records after which a process has a block of its own: 4096 are


def slot_at(block, value):
    """Return where in the file the count of a value's bucket lies: in 8 bytes; slot 1 has index -2048."""
    return SHARED + block * BLOCK + COUNTS + 8 * (buckets.index(value) + 2049)


def patched(path, at, data):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)
