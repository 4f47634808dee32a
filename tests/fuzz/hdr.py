"""Encoded HdrHistograms: what is accepted is what a slow reader of its own reads, and is encoded again to the same."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from random import Random

import mutate
from campaign import ACCEPTED, REFUSED, FaultError

from historian.formats import hdr

POOL = 200


def any_histogram(rng: Random) -> hdr.HdrHistogram:
    """Return a histogram of some counts."""
    digits = rng.randrange(6)
    lowest = rng.choice((1, 1, 1, 2, 1000, 20000))
    highest = rng.choice((10**6, 3_600_000_000_000, 2**63 - 1))
    length = hdr.HdrHistogram(digits, lowest, highest, [], [])._parts.layout.length
    indices = sorted({min(int(rng.expovariate(1 / 300)), length - 1) for _ in range(rng.choice((0, 1, 3, 30)))})
    counts = [rng.choice((1, 2, 63, 64, 127, 2**14, 2**40)) for _ in indices]
    return hdr.HdrHistogram(digits, lowest, highest, indices, counts)


def words(rng: Random, one: hdr.HdrHistogram) -> bytes:
    """Return the bytes of an older encoding, V1 or V0, with small counts."""
    size, kind = rng.choice(((2, "h"), (4, "i"), (8, "q")))
    found = dict(zip(one.indices, one.counts))
    length = min(one.indices[-1] + 1, 500) if one.indices else 0
    body = struct.pack(f">{length}{kind}", *(found.get(k, 0) % 2**15 for k in range(length)))
    if rng.random() < 0.5:
        return struct.pack(
            ">iiiiqqd", 0x1C849301 | size << 4, len(body), 0, one.digits, one.lowest, one.highest, 1.0
        ) + body  # fmt: skip
    return struct.pack(">iiqqq", 0x1C849308 | size << 4, one.digits, one.lowest, one.highest, 0) + body


def compressed(plain: bytes) -> bytes:
    packed = zlib.compress(plain, 1)
    return struct.pack(">Ii", (int.from_bytes(plain[:4], "big") + 1) % 2**32, len(packed)) + packed


def length_of(digits: int, lowest: int, highest: int) -> int:
    """Return the number of counts, by doubling, as Java does.  Raises ValueError."""
    if not (0 <= digits <= 5 and 1 <= lowest < 2**62 and 2 * lowest <= highest):
        raise ValueError
    sub_buckets = 2
    while sub_buckets < 2 * 10**digits:
        sub_buckets *= 2
    unit = 0
    while 2 ** (unit + 1) <= lowest:
        unit += 1
    if unit + int(math.log2(sub_buckets)) - 1 > 61:
        raise ValueError
    buckets = 1
    while sub_buckets * 2**unit * 2 ** (buckets - 1) <= highest:
        buckets += 1
    return (buckets + 1) * sub_buckets // 2


def oracle(data: bytes) -> tuple[tuple[int, int, int], dict[int, int]]:
    """Return digits, lowest and highest, and the counts.  Raises ValueError, struct.error, IndexError or zlib.error."""
    (cookie,) = struct.unpack_from(">I", data)
    if cookie in (0x0C72124E, 0x0C72124F):
        digits, ratio = struct.unpack_from(">iq", data, 4)
        (inner,) = struct.unpack_from(">I", data, 16)
        if (inner & ~0xF0 in (0x1C849304, 0x1C849302, 0x1C849309)) != (cookie == 0x0C72124F) or ratio < 2:
            raise ValueError
        if inner in (0x0C72124E, 0x0C72124F):
            raise ValueError
        layout, counts = oracle(data[16:])
        if layout[0] != digits:
            raise ValueError
        return layout, counts
    if cookie & ~0xF0 in (0x1C849304, 0x1C849302, 0x1C849309):
        (nbytes,) = struct.unpack_from(">i", data, 4)
        if nbytes != len(data) - 8:
            raise ValueError
        inflate = zlib.decompressobj()
        plain = inflate.decompress(data[8:], 1 << 24)
        if not inflate.eof or inflate.unused_data:
            raise ValueError
        (inner,) = struct.unpack_from(">I", plain)
        if inner & ~0xF0 != (cookie & ~0xF0) - 1:
            raise ValueError
        return oracle(plain)
    kind = cookie & ~0xF0
    if kind == 0x1C849308:
        digits, lowest, highest, _ = struct.unpack_from(">iqqq", data, 4)
        body = data[32:]
    elif kind in (0x1C849303, 0x1C849301):
        nbytes, _, digits, lowest, highest, factor = struct.unpack_from(">iiiqqd", data, 4)
        body = data[40:]
        if nbytes != len(body) or not 0 < factor < math.inf:
            raise ValueError
    else:
        raise ValueError
    length = length_of(digits, lowest, highest)
    if kind == 0x1C849303 and len(body) > 9 * length:
        raise ValueError
    counts = numbers(body) if kind == 0x1C849303 else fixed(body, cookie >> 4 & 0xE)
    if counts[1] > length or sum(counts[0].values()) >= 2**63:
        raise ValueError
    return (digits, lowest, highest), counts[0]


def numbers(body: bytes) -> tuple[dict[int, int], int]:
    found: dict[int, int] = {}
    index = at = 0
    while at < len(body):
        number = 0
        for k in range(9):
            byte = body[at + k]
            number += (byte if k == 8 else byte % 128) << 7 * k
            if byte < 128 or k == 8:
                at += k + 1
                break
        value = number // 2 if number % 2 == 0 else -(number // 2) - 1
        if value > 0:
            found[index] = value
        index += 1 if value >= 0 else -value
    return found, index


def fixed(body: bytes, size: int) -> tuple[dict[int, int], int]:
    if size not in (2, 4, 8) or len(body) % size:
        raise ValueError
    found = {}
    for k in range(len(body) // size):
        count = int.from_bytes(body[k * size : (k + 1) * size], "big", signed=True)
        if count < 0:
            raise ValueError
        if count:
            found[k] = count
    return found, len(body) // size


class Hdr:
    """Hostile encodings."""

    batch = 20_000
    addresses = 0

    def __init__(self, seed: int, folder: str) -> None:
        rng = Random(seed)
        some = [any_histogram(rng) for _ in range(POOL)]
        self.pool = [one.encode(compressed=False) for one in some] + [words(rng, one) for one in some[:50]]

    def hostile(self, rng: Random) -> bytes:
        data = rng.choice(self.pool)
        if rng.random() < 0.6:
            data = mutate.damaged(rng, data, self.pool)
        if rng.random() < 0.3 and len(data) > 8 and data[:3] == b"\x1c\x84\x93":  # its length as it is now
            at = 4
            data = data[:at] + struct.pack(">i", max(0, len(data) - 40)) + data[at + 4 :]
        if rng.random() < 0.5:
            data = compressed(data)
            if rng.random() < 0.3:
                data = mutate.damaged(rng, data, self.pool)
        if rng.random() < 0.2:
            packed = data[:4] in (b"\x1c\x84\x93\x14", b"\x1c\x84\x93\x22")
            digits = data[12:16] if not packed and len(data) > 16 else struct.pack(">i", rng.randrange(6))
            data = (b"\x0c\x72\x12\x4f" if packed else b"\x0c\x72\x12\x4e") + digits + struct.pack(">q", 1000) + data
        return data

    def case(self, rng: Random) -> str:
        data = self.hostile(rng)
        try:
            expected = oracle(data)
        except (ValueError, struct.error, IndexError, zlib.error):
            expected = None
        given: bytes | str = data
        if rng.random() < 0.2 and data[:3] in (b"\x1c\x84\x93", b"\x0c\x72\x12"):
            given = base64.b64encode(data).decode()
        try:
            found = hdr.decode(given)
        except ValueError as error:
            if expected is not None:
                raise FaultError(f"refused, but valid: {error}: {data[:1000].hex()}") from None
            if "offset" not in str(error):
                raise FaultError(f"no offset: {error}") from None
            return REFUSED
        if expected is None:
            raise FaultError(f"accepted, but not valid: {data[:1000].hex()}")
        check(found, expected, data)
        return ACCEPTED


def check(found: hdr.HdrHistogram, expected: tuple[tuple[int, int, int], dict[int, int]], data: bytes) -> None:
    layout, counts = expected
    if (found.digits, found.lowest, found.highest) != layout or dict(zip(found.indices, found.counts)) != counts:
        raise FaultError(f"{found!r}: other counts: {data[:1000].hex()}")
    if hdr.decode(found.encode()) != found:
        raise FaultError(f"another histogram after encode() and decode(): {data[:1000].hex()}")
    try:
        ours = found.histogram(values="ns")
    except ValueError as error:
        if "beyond float64" not in str(error):
            raise FaultError(f"{error}: {data[:1000].hex()}") from None
        return
    if ours.count != sum(counts.values()) or not found.relative_error >= 0:
        raise FaultError(f"{ours!r} of {found!r}: {data[:1000].hex()}")
    if type(ours).from_bytes(ours.to_bytes()) != ours or type(ours).from_dict(ours.to_dict()) != ours:
        raise FaultError(f"not a valid histogram: {ours!r}: {data[:1000].hex()}")
