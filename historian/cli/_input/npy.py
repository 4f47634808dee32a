"""Read numbers from numpy's .npy files, in chunks of bounded size."""

from __future__ import annotations

import math
import re
from typing import BinaryIO

from ..._values.key import Key
from ..._values.text import counted
from .tally import ALL, Tally, clipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["read_npy"]

#: Elements in a chunk.
CHUNK_SIZE = 1 << 16

#: Maximum size of a header in bytes, as in numpy.
MAX_HEADER_NBYTES = 10_000

#: Maximum number of dimensions, as in numpy.
MAX_DIMENSIONS = 64

#: What numpy and other programs write: a dictionary of three keys in any order.  It is not evaluated as Python.
_ITEM = re.compile(
    r"""\s*(["'])(?:
        (?P<descr>descr)\1\s*:\s*(["'])(?P<dtype>[^"']*)\3
        |(?P<order>fortran_order)\1\s*:\s*(?P<fortran>True|False)
        |(?P<shape>shape)\1\s*:\s*\(\s*(?P<sizes>(?:[0-9]+L?\s*(?:,\s*|(?=\))))*)\)
    )\s*(?:,|(?=\}))""",
    re.VERBOSE,
)


def read_npy(stream: BinaryIO, name: str, tally: Tally, group: Key = ALL) -> None:
    """Count all elements of an array of real numbers of any shape.

    The file is read, not mapped: mapped pages would count as memory of this process.  Nothing is unpickled.
    """
    import numpy

    try:
        shape, fortran_order, dtype = _header(stream)
    except ValueError as error:
        tally.bad(name, str(error))
        return
    expected, done = math.prod(shape), 0
    while done < expected:
        raw = stream.read(min(CHUNK_SIZE, expected - done) * dtype.itemsize)
        whole = len(raw) // dtype.itemsize
        if not whole:
            tally.bad(name, f"ends after {done:,} of {counted(expected, 'value')}")
            return
        with numpy.errstate(all="ignore"):  # a long double beyond float64 becomes infinite and is then refused
            values = numpy.frombuffer(raw, dtype, whole).astype(numpy.float64)
        try:
            tally.add(values, group)
        except ValueError:
            _add_good(values, f"{name}: value ", (done, shape, fortran_order), tally, group)
        done += whole


def _add_good(
    values: NDArray[np.float64], where: str, position: tuple[int, tuple[int, ...], bool], tally: Tally, group: Key
) -> None:
    """Count the good values and report the others.

    `position` is (offset of the first value, shape of the array, whether its first index varies fastest).
    """
    import numpy

    first, shape, fortran_order = position
    good = []
    for offset, value in enumerate(values.tolist(), first):
        try:
            good.append(tally.checked(value, repr(value)))
        except ValueError as error:
            index = numpy.unravel_index(offset, shape, order="F" if fortran_order else "C")
            tally.bad(f"{where}[{', '.join(str(k) for k in index)}]", str(error))
    tally.add(good, group)


def _header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Read the header; return the shape, whether the first index varies fastest, and the dtype.

    Raises ValueError, with the reason, if it is not the header of an array of real numbers.
    """
    magic = stream.read(8)
    if len(magic) < 8 or not magic.startswith(b"\x93NUMPY"):
        raise ValueError("not a .npy file: its first bytes are wrong")
    major, minor = magic[6:]
    if (major, minor) not in ((1, 0), (2, 0)):
        raise ValueError(f"cannot read version {major}.{minor} of .npy: save an array of numbers only")
    size = int.from_bytes(stream.read(2 * major), "little")
    if size > MAX_HEADER_NBYTES:
        raise ValueError(f"not a .npy file: its header has {size:,} bytes, and {MAX_HEADER_NBYTES:,} are the most")
    raw = stream.read(size)
    if len(raw) < size:
        raise ValueError("not a .npy file: it ends within its header")
    return _parsed(raw.decode("latin-1"))


def _parsed(text: str) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    import numpy

    found: dict[str, str] = {}
    body = text.strip()
    at = 1 if body.startswith("{") else len(body)
    while item := _ITEM.match(body, at):
        found.update({key: value for key, value in item.groupdict().items() if value is not None})
        at = item.end()
    if re.search(r"descr[\"']\s*:\s*\[", text):
        raise ValueError(f"cannot count values of dtype with several fields, {clipped(text)}: save one field")
    if body[at:].strip() != "}" or not {"descr", "order", "shape"} <= found.keys():
        raise ValueError(f"not a .npy file: its header is {clipped(text)}")
    try:
        dtype: np.dtype[np.generic] = numpy.dtype(found["dtype"])
    except (TypeError, ValueError, SyntaxError):
        raise ValueError(f"not a .npy file: its dtype is {clipped(found['dtype'])}") from None
    if dtype.kind not in "iuf" or not dtype.itemsize:
        raise ValueError(f"cannot count values of dtype {dtype}: save integers or floats")
    sizes = [digits.strip().rstrip("L") for digits in found["sizes"].split(",") if digits.strip()]
    # The number of digits first: Python refuses to convert thousands of them.
    if len(sizes) > MAX_DIMENSIONS or any(len(one) > 19 for one in sizes) or math.prod(map(int, sizes)) >= 2**63:
        raise ValueError(f"not a .npy file: no array has the shape {clipped(found['sizes'])}")
    return tuple(map(int, sizes)), found["fortran"] == "True", dtype
