"""Columns of blobs: rows are added as single blobs are, or the first row that is not valid is named."""

from __future__ import annotations

from random import Random

import blobs
import mutate
from campaign import ACCEPTED, REFUSED, FaultError

from historian import _core

#: What a campaign tests; the tests of the fuzzers replace it.
add = _core.Merged.add_rows


class Columns:
    """Hostile columns, for `Merged.add_rows`."""

    batch = 20_000
    addresses = 0

    def __init__(self, seed: int, folder: str) -> None:
        self.blobs = blobs.Blobs(seed, folder)
        self.valid = [data for data, blob in zip(self.blobs.bytes, self.blobs.blobs) if blob.unit == b"s"]

    def case(self, rng: Random) -> str:
        chunks, rows_of = [], []
        for _ in range(rng.randrange(4)):
            chunk, found = self.chunk(rng)
            chunks.append(chunk)
            rows_of += found
        rows = [rng.randrange(len(rows_of)) for _ in range(rng.randrange(12))] if rows_of else []
        if rng.random() < 0.5:
            rows.sort()
        if rng.random() < 0.05:
            rows.append(rng.choice((-1, len(rows_of), len(rows_of) + 7, 2**63 - 1, -(2**63))))
        return self.check(chunks, rows_of, rows, rng.choice((0, 0, 5, 10**12)))

    def chunk(self, rng: Random) -> tuple[tuple[int, int, bool, bytes, bytes], list[bytes | None]]:
        """Return an array as `Blobs` takes it, and the bytes of each row; None if its offsets are outside."""
        parts = [
            self.blobs.hostile(rng) if rng.random() < 0.03 else rng.choice(self.valid)
            for _ in range(rng.choice((0, 1, 1, 2, 5, 9)))
        ]
        data, skipped, width = b"".join(parts), rng.choice((0, 0, 1, 3)), rng.choice((4, 8))
        offsets, at = [0] * (skipped + 1), 0
        for part in parts:
            at += len(part)
            offsets.append(at)
        if rng.random() < 0.1:
            offsets[rng.randrange(len(offsets))] = mutate.integer(rng, width)
        if rng.random() < 0.03:
            data = data[: rng.randrange(len(data) + 1)]
        written = b"".join((offset % 256**width).to_bytes(width, "little") for offset in offsets)
        read = [int.from_bytes(written[k : k + width], "little", signed=True) for k in range(0, len(written), width)]
        bounds = zip(read[skipped:], read[skipped + 1 :])
        found = [data[start:end] if 0 <= start <= end <= len(data) else None for start, end in bounds]
        return (len(parts), skipped, width == 8, written, data), found

    def check(
        self,
        chunks: list[tuple[int, int, bool, bytes, bytes]],
        rows_of: list[bytes | None],
        rows: list[int],
        before: int,
    ) -> str:
        column, total, expected = _core.Blobs(chunks), _core.Merged(), _core.Merged()
        found = outcome(
            lambda: add(total, column, b"".join(row.to_bytes(8, "little", signed=True) for row in rows), before)
        )
        wanted = outcome(lambda: one_by_one(expected, rows_of, rows, before))
        shown = f"{rows} of {chunks}"
        if len(column) != len(rows_of) or found != wanted:
            raise FaultError(f"{found!r}, not {wanted!r}, for {shown}")
        if repr(total.result()[1:]) != repr(expected.result()[1:]) or total.result()[0] != expected.result()[0]:
            raise FaultError(f"another sum of {shown}")
        return ACCEPTED if found is None else REFUSED


def one_by_one(total: _core.Merged, rows_of: list[bytes | None], rows: list[int], before: int) -> object:
    """Add the blobs of rows as `Merged.add_bytes` does."""
    for row in rows:
        data = rows_of[row] if 0 <= row < len(rows_of) else None
        reason = "its offsets are wrong" if data is None else total.add_bytes(data, row + before)
        if reason is not None:
            return row + before, reason
    return None


def outcome(call) -> object:  # type: ignore[no-untyped-def]
    """Return the result of a call, or the type and the text of its error."""
    try:
        return call()
    except (ValueError, OverflowError) as error:
        return type(error), str(error)
