"""Files of numpy: each is refused in one line, or all of its values are counted, as `numpy.load` reads them."""

from __future__ import annotations

import ast
import io
import math
import struct
from random import Random

import mutate
import numpy as np
from campaign import REFUSED
from command import Command, judge

HEADERS = (
    "(3,)", "()", "(0,)", "(-1,)", "(3, -1)", "(10**30,)", "(9999999999999999999999,)", "(1, 3)", "(3, 0, 2)",
    "(1.5,)", "(True,)", "('3',)", "[3]", "3", "(3", "((3,),)", "(" * 200 + ")" * 200, "(1," * 100,
    "(" + "1," * 100 + ")", "(2,) * 3", "None", "(4611686018427387904, 4)", "(-3, -1)",
)  # fmt: skip
TYPES = (
    "'<f8'", "'>f8'", "'<f4'", "'<f2'", "'<i8'", "'|u1'", "'<u8'", "'|O'", "'<U3'", "'<c16'", "'|b1'", "'<M8[s]'",
    "'<m8[ns]'", "'|V8'", "'|S4'", "'<f16'", "''", "'x'", "8", "None", "[('a', '<f8')]", "[('a', '<f8')] * 2",
    "'<f8,<f8'", "('<f8', (2,))", "'f8'", "'<i4'", "'float64'", "'(2,)f8'",
)  # fmt: skip


def npy(version: tuple[int, int], header: str, data: bytes, *, size: int | None = None) -> bytes:
    """Return a file of this header, whose size may be told wrong."""
    text = header.encode("latin-1", "replace")
    width = "<H" if version[0] == 1 else "<I"
    length = len(text) if size is None else size
    return b"\x93NUMPY" + bytes(version) + struct.pack(width, length % 256 ** struct.calcsize(width)) + text + data


def odd(data: bytes) -> np.ndarray | None:
    """Return an array whose header has blanks that numpy refuses, or a number for its shape; None if it has not."""
    wide = data[6] == 2
    start = 12 if wide else 10
    size = int.from_bytes(data[8:start], "little")
    text = "".join(" " if c.isspace() else c for c in data[start : start + size].decode("latin-1"))
    try:
        header = ast.literal_eval(text.strip())
        shape = header["shape"] if isinstance(header["shape"], tuple) else (header["shape"],)
        if min(shape, default=0) < 0:
            return None
        order = "F" if header["fortran_order"] else "C"
        values = np.frombuffer(data, np.dtype(header["descr"]), math.prod(shape), start + size)
        return values.reshape(shape, order=order) if data[6:8] in (b"\1\0", b"\2\0") else None
    except Exception:
        return None


class Arrays:
    """Hostile ``.npy`` files."""

    batch = 2000
    addresses = 0

    def __init__(self, seed: int, folder: str) -> None:
        self.command = Command(folder)
        self.command.summarize("warm.npy", self.whole(Random(seed)))
        header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }\n"
        if self.oracle(npy((1, 0), header, struct.pack("<d", 2.5))) != [2.5]:
            raise RuntimeError("the oracle does not read a simple file")

    def case(self, rng: Random) -> str:
        data = self.whole(rng) if rng.random() < 0.5 else self.built(rng)
        if rng.random() < 0.6:
            data = mutate.damaged(rng, data)
        elif rng.random() < 0.5:  # in the header
            head = bytearray(data[:128])
            mutate.damage(rng, head)
            data = bytes(head) + data[128:]
        return self.check(data)

    @staticmethod
    def whole(rng: Random) -> bytes:
        """Return a file that numpy wrote."""
        shape = rng.choice(((3,), (0,), (), (2, 3), (1, 1, 4), (70,)))
        kind = rng.choice(("<f8", ">f8", "<f4", "<f2", "<i8", "u1", "<u2", "<f16", "?", "<c8"))
        values = np.array([rng.choice((0, 1, 2.5, 100)) for _ in range(math.prod(shape))], kind).reshape(shape)
        file = io.BytesIO()
        np.save(file, np.asfortranarray(values) if rng.random() < 0.3 and shape else values)
        return file.getvalue()

    @staticmethod
    def built(rng: Random) -> bytes:
        shape, kind = rng.choice(HEADERS), rng.choice(TYPES)
        order = rng.choice(("False", "True", "0", "None", "'x'"))
        header = f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}"
        piece = rng.random()
        if piece < 0.1:
            header = header[: rng.randrange(len(header))]
        elif piece < 0.15:
            header = rng.choice(
                ("", "{", "{}", "0", "[" * 5000, "{'descr': '<f8'}", "-" * 3000 + "1", "\0" * 10, header * 2)
            )
        header += " " * rng.choice((0, 1, 20, 10000)) + rng.choice(("", "\n", "\n\n", "\0"))
        version = rng.choice(((1, 0), (1, 0), (2, 0), (3, 0), (0, 0), (1, 1), (255, 255)))
        size = rng.choice((None, None, None, 0, 1, 2**16 - 1, 2**32 - 1, 2**31))
        data = struct.pack("<12d", *[rng.choice((0.5, 1.0, 2.0, 3.0)) for _ in range(12)])
        return npy(version, header, data[: rng.choice((24, 96, 24, 0, 25))], size=size)

    def check(self, data: bytes) -> str:
        found = self.command.summarize("a.npy", data)
        values = None
        if data[:6] == b"\x93NUMPY" and len(data) > 12:
            values = self.oracle(data)
        elif isinstance(found, str):
            return REFUSED
        if values is None and not isinstance(found, str) and (array := odd(data)) is not None:
            values = self.finite(array)
        if isinstance(found, str) and values is not None and self.is_lenient(data):
            return REFUSED
        return judge(found, values, data)

    @staticmethod
    def oracle(data: bytes) -> list[float] | None:
        """Return the values of all arrays, None if they cannot all be counted, or if other bytes follow."""
        stream, values = io.BytesIO(data), []
        while not values or stream.tell() < len(data):
            try:
                found = Arrays.finite(np.lib.format.read_array(stream, allow_pickle=False))
            except Exception:  # whatever numpy thinks of it
                return None
            if found is None:
                return None
            values.append(found)
        return [value for found in values for value in found]

    @staticmethod
    def finite(loaded: np.ndarray) -> list[float] | None:
        """Return the values, None if some cannot be counted."""
        if loaded.dtype.kind not in "iuf" or loaded.dtype.subdtype:
            return None
        with np.errstate(all="ignore"):
            values = loaded.astype(np.float64).ravel()
        return values.tolist() if np.isfinite(values).all() and (values >= 0).all() else None

    @staticmethod
    def is_lenient(data: bytes) -> bool:
        """Return whether numpy reads the header, but it is not as its format says: it may be refused, too."""
        if data[6:8] not in (b"\1\0", b"\2\0"):
            return True
        wide = data[6] == 2
        size = int.from_bytes(data[8 : 12 if wide else 10], "little")
        try:
            text = data[12 if wide else 10 :][:size].decode("latin-1")
            header = ast.literal_eval(text)
            is_plain = isinstance(header["fortran_order"], bool) and isinstance(header["descr"], str)
            return "#" in text or not is_plain  # a comment, which numpy reads over
        except Exception:  # as it is with files that are not numpy's
            return True
