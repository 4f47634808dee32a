"""Read numbers from numpy's .npy files, in chunks of bounded size."""

from __future__ import annotations

import math
from typing import BinaryIO

from ..._values.key import Key
from ..._values.text import counted
from .tally import ALL, InputError, Tally

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["read_npy"]

#: Elements in a chunk.
CHUNK_SIZE = 1 << 16


def read_npy(stream: BinaryIO, name: str, tally: Tally, group: Key = ALL) -> None:
    """Count all elements of an array of real numbers of any shape.

    The file is read, not mapped: mapped pages would count as memory of this process.  Nothing is unpickled.
    """
    import numpy

    shape, fortran_order, dtype = _header(stream, name)
    if dtype.kind not in "iuf":
        raise InputError(f"{name}: cannot count values of dtype {dtype}: save integers or floats")
    expected, done = math.prod(shape), 0
    while done < expected:
        raw = stream.read(min(CHUNK_SIZE, expected - done) * dtype.itemsize)
        whole = len(raw) // dtype.itemsize
        if not whole:
            raise InputError(f"{name}: ends after {done:,} of {counted(expected, 'value')}")
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


def _header(stream: BinaryIO, name: str) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Read the header; return the shape, whether the first index varies fastest, and the dtype."""
    from numpy.lib import format as npy

    try:
        version = npy.read_magic(stream)
        if version == (1, 0):
            return npy.read_array_header_1_0(stream)
        if version == (2, 0):
            return npy.read_array_header_2_0(stream)
    except ValueError as error:
        raise InputError(f"{name}: not a .npy file: {error}") from None
    raise InputError(f"{name}: cannot read version {version[0]}.{version[1]} of .npy: save an array of numbers only")
