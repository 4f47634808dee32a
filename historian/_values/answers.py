"""Questions about many numbers at once, and results as numpy arrays.  numpy is imported only here, on first need."""

from __future__ import annotations

import math

from .._core import real
from .floats import as_written, each_as_written, has_others, is_other

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal
    from fractions import Fraction
    from typing import Any, NoReturn, TypeAlias, TypeGuard

    import numpy as np
    from numpy.typing import NDArray

    from .._core import _SupportsArray

    # The types of a single number; the result is then a float.
    _Scalar: TypeAlias = float | np.floating[Any] | np.integer[Any] | Decimal | Fraction

    # The types of many numbers; the result is then an array of the same shape.  Lists of three dimensions or more are
    # left out: a recursive type would accept any string.
    _Numbers: TypeAlias = (
        NDArray[np.floating[Any] | np.integer[Any]] | _SupportsArray | Sequence[_Scalar] | Sequence[Sequence[_Scalar]]
    )

__all__ = ["as_array", "each", "each_pair", "is_many", "is_one", "numbers", "position", "read_only", "refuse_share"]


_FLOAT = frozenset((float,))


def each(
    question: Callable[[float], float], x: _Scalar | _Numbers, *, written: bool = False
) -> float | NDArray[np.float64]:
    """Call `question` with each element of an array-like; return the results in the same shape.

    `written` is that of `numbers`.  An error names the position of the first bad element.
    """
    import numpy

    if type(x) is list and _FLOAT.issuperset(map(type, x)):  # the most frequent case
        asked, shape = iter(x), (len(x),)
    else:
        array = numbers(x, written=written)
        asked, shape = iter(array.ravel().tolist()), array.shape
    try:
        answers = list(map(question, asked))
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        k = math.prod(shape) - 1 - sum(1 for _ in asked)  # the rest has not been asked
        raise ValueError(f"{error}{position(k, shape)}") from None
    found = numpy.array(answers, dtype=numpy.float64)
    if len(shape) == 1:
        return found
    return found.reshape(shape) if shape else float(found[0])


def each_pair(
    question: Callable[[float], tuple[float, float]], x: _Scalar | _Numbers, *, written: bool = False
) -> tuple[float, float] | tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Call `question`, whose answer is a pair, as `each` does; return the first numbers of all answers, and the others.

    >>> each_pair(lambda one: (one, 2 * one), [1.0, 2.0])
    (array([1., 2.]), array([2., 4.]))
    """
    import numpy

    others: list[float] = []

    def first(one: float) -> float:
        pair = question(one)
        others.append(pair[1])
        return pair[0]

    found = each(first, x, written=written)
    if isinstance(found, float):
        return found, others[0]
    return found, numpy.array(others, dtype=numpy.float64).reshape(found.shape)


def is_one(x: object) -> TypeGuard[float]:
    """Return whether `x` is a float or an int, which needs no conversion, and not a bool."""
    return isinstance(x, (float, int)) and not isinstance(x, bool)


def is_many(x: object) -> bool:
    """Return whether `x` is an array-like of numbers, not a single number.  An array of no dimensions is a number.

    >>> is_many([0.5]), is_many(range(3)), is_many(0.5), is_many("0.5")
    (True, True, False, False)
    """
    if isinstance(x, (float, int, str, bytes, bytearray, dict, set, frozenset)):
        return False
    return hasattr(x, "__len__") and getattr(x, "shape", None) != ()


def numbers(x: Any, name: str = "", *, written: bool = False) -> NDArray[np.float64]:
    """Return an array-like of real numbers as an array of the same shape.

    The array is a copy: what is checked stays as it is, though another thread may write to `x`.  With `written`, floats
    of another width are read as the decimals that were written: see `historian._values.floats`.

    Raises TypeError for an element that is not a number, with its position.  A text is not a number, and neither is a
    date or a duration.
    """
    import numpy

    what = f"{name} must be" if name else "pass"
    if x is None or isinstance(x, (str, bytes)):
        raise TypeError(f"{what} a number or an array of numbers, not {x!r}")
    array = as_array(x, what)
    if array.dtype.char == "d":
        is_list = isinstance(x, (list, tuple))
        if written and is_list and has_others(x):
            return numpy.array([numbers(one, name, written=True) for one in x], dtype=numpy.float64)
        return array if is_list else array.copy()
    if written and is_other(array.dtype):
        return each_as_written(array)
    if array.dtype.kind in "fiu":
        return array.astype(numpy.float64)
    if array.dtype.kind == "b":
        raise TypeError(f"{what} a number or an array of numbers, not {x!r}")
    if array.dtype.kind in "mM":
        raise TypeError(f"{what} an array of numbers, not of {array.dtype}: convert to numbers in the histogram's unit")
    objects = numpy.asarray(x, dtype=object)
    listed = objects.ravel().tolist()
    found = [_number(as_written(one) if written else one, what, k, objects.shape) for k, one in enumerate(listed)]
    return numpy.array(found, dtype=numpy.float64).reshape(objects.shape)


def as_array(x: Any, what: str) -> NDArray[Any]:
    """Return an array-like as an array of any type; raise ValueError if its rows have different lengths."""
    import numpy

    try:
        array = numpy.asarray(x)
    except (ValueError, Warning) as error:  # before numpy 1.24 it warns, and makes an array of lists
        if not isinstance(x, (list, tuple)) or not _is_ragged(x):
            raise error  # of the caller's own class, or of a signal handler
        array = None
    if array is None or (array.dtype.char == "O" and any(isinstance(one, (list, tuple)) for one in array.flat)):
        raise ValueError(f"{what} an array whose rows all have the same length, not {x!r}")
    return array


def _is_ragged(x: Any) -> bool:
    """Return whether lists in a list, at any depth, have different lengths, or stand beside what is none."""
    rows = [one for one in x if isinstance(one, (list, tuple))]
    sizes = {len(one) if hasattr(type(one), "__len__") and getattr(one, "shape", None) != () else -1 for one in x}
    return (
        len(sizes) > 1
        or any(map(_is_ragged, rows))
        or any(isinstance(two, (list, tuple)) for one in rows for two in one)
    )


def _number(one: Any, what: str, k: int, shape: tuple[int, ...]) -> float:
    where = position(k, shape)
    found = real(one) if hasattr(type(one), "__float__") else None  # what a class of the caller raises passes
    if found is None:
        raise TypeError(f"{what} an array of numbers, not {one!r}{where}")
    if math.isinf(found) and isinstance(one, int):
        raise ValueError(f"{what} numbers in -1.8e308..1.8e308, the range of float64{where}")
    return found


def position(k: int, shape: tuple[int, ...]) -> str:
    """Return the end of a message that says where the k-th element of an array is; empty for a single number.

    >>> position(4, (5,)), position(4, (2, 3)), position(0, ())
    (', at position 4', ', at position (1, 1)', '')
    """
    if len(shape) < 2:
        return f", at position {k}" if shape else ""
    import numpy

    return f", at position {tuple(int(one) for one in numpy.unravel_index(k, shape))}"


def read_only(items: Any, dtype: str) -> NDArray[Any]:
    """Return a list as a read-only array, so that a histogram stays immutable."""
    import numpy

    array = numpy.array(items, dtype=dtype)
    array.flags.writeable = False
    return array


def refuse_share(q: float, name: str, top: int) -> NoReturn:
    """Raise ValueError because `q` is not in 0..top.  `name` is the name of the argument."""
    hint = "; percentile() takes 0..100" if name == "q" and 1 < q <= 100 else ""
    raise ValueError(f"{name} must be in 0..{top}, not {q!r}{hint}")
