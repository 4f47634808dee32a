"""Answers as numpy arrays.  numpy is imported here and nowhere earlier: only once an array is asked for."""

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

    # What a question takes for one number, and answers with a float.
    _Scalar: TypeAlias = float | np.floating[Any] | np.integer[Any] | Decimal | Fraction

    # What it takes for many, and answers with an array of the same shape.  Lists of three dimensions or more are left
    # out: a recursive type would let any string pass.
    _Numbers: TypeAlias = (
        NDArray[np.floating[Any] | np.integer[Any]] | _SupportsArray | Sequence[_Scalar] | Sequence[Sequence[_Scalar]]
    )

__all__ = ["each", "read_only", "refuse_share"]


def each(question: Callable[[float], float], x: _Scalar | _Numbers) -> float | NDArray[np.float64]:
    """Ask a scalar question of every element of an array-like; the answer has its shape."""
    import numpy

    if x is None or isinstance(x, (str, bytes)):
        raise TypeError(f"a number or an array of numbers is needed, not {x!r}")
    array = numpy.asarray(x, dtype=numpy.float64)
    answers = numpy.array([question(one) for one in array.ravel().tolist()], dtype=numpy.float64)
    if array.ndim == 1:
        return answers
    return answers.reshape(array.shape) if array.ndim else float(answers[0])


def read_only(items: list[Any], dtype: str) -> NDArray[Any]:
    """Return a list as an array that cannot be written to, so that a histogram stays immutable."""
    import numpy

    array = numpy.array(items, dtype=dtype)
    array.flags.writeable = False
    return array


def refuse_share(q: float, name: str, top: int) -> NoReturn:
    """Raise ValueError for a share, in 0..top, that is none."""
    hint = "; percentile() takes 0..100" if name == "q" and 1 < q <= 100 else ""
    raise ValueError(f"{name} must be in 0..{top}, not {q!r}{hint}")
