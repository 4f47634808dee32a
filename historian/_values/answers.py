"""Results as numpy arrays.  numpy is imported only here, when an array is first needed."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal
    from fractions import Fraction
    from typing import Any, NoReturn, TypeAlias

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

__all__ = ["each", "read_only", "refuse_share"]


def each(question: Callable[[float], float], x: _Scalar | _Numbers) -> float | NDArray[np.float64]:
    """Call `question` with each element of an array-like; return the results in the same shape."""
    import numpy

    if x is None or isinstance(x, (str, bytes)):
        raise TypeError(f"pass a number or an array of numbers, not {x!r}")
    array = numpy.asarray(x, dtype=numpy.float64)
    answers = numpy.array([question(one) for one in array.ravel().tolist()], dtype=numpy.float64)
    if array.ndim == 1:
        return answers
    return answers.reshape(array.shape) if array.ndim else float(answers[0])


def read_only(items: list[Any], dtype: str) -> NDArray[Any]:
    """Return a list as a read-only array, so that a histogram stays immutable."""
    import numpy

    array = numpy.array(items, dtype=dtype)
    array.flags.writeable = False
    return array


def refuse_share(q: float, name: str, top: int) -> NoReturn:
    """Raise ValueError because `q` is not in 0..top.  `name` is the name of the argument."""
    hint = "; percentile() takes 0..100" if name == "q" and 1 < q <= 100 else ""
    raise ValueError(f"{name} must be in 0..{top}, not {q!r}{hint}")
