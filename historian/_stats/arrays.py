"""Arguments that may be array-likes, and questions that are asked for each of their elements."""

from __future__ import annotations

import math
from functools import partial

from .._values.answers import as_array, is_many, numbers, position
from .beyond import collected, warn_once
from .checks import check_n, check_number, check_share
from .estimates import Estimates, estimates_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    import numpy as np
    from numpy.typing import NDArray

    from .estimate import Estimate

    _T = TypeVar("_T")
    _Floats = NDArray[np.float64]

__all__ = [
    "any_many",
    "common",
    "each_estimate",
    "each_number",
    "shares",
    "spread",
    "thresholds",
    "times",
    "wholes",
]


def any_many(*given: object) -> bool:
    """Return whether any argument is an array-like: then the answer is one, too."""
    return any(is_many(one) for one in given)


def shares(name: str, given: Any) -> _Floats:
    """Return numbers in 0..1, as the decimals that were written, as an array; else raise, with the position."""
    array = numbers(given, name, written=True)
    _check(array, (array >= 0) & (array <= 1), lambda one: check_share(name, one))
    return array


def times(name: str, given: Any) -> _Floats:
    """Return numbers that are not NaN as an array; else raise, with the position."""
    array = numbers(given, name)
    _check(array, array == array, lambda one: _refuse_nan(name))
    return array


def thresholds(name: str, given: Any) -> _Floats:
    """Return finite numbers from 0 on as an array; else raise, as `check_number` does, with the position."""
    array = numbers(given, name)
    _check(array, (array >= 0) & (array < math.inf), lambda one: check_number(name, one, 0))
    return array


def wholes(name: str, given: Any) -> NDArray[Any]:
    """Return whole numbers from 1 to 1e100 as an array: int64, or int objects for larger ones; else raise."""
    import numpy

    array = as_array(given, f"{name} must be")
    if array.dtype.kind in "iu" and (array.dtype.kind == "i" or not array.size or array.max() < 2**63):
        array = array.astype(numpy.int64)
        _check(array, array >= 1, lambda one: check_n(one, name))
        return array
    objects = numpy.asarray(given, dtype=object)
    found = []
    for k, one in enumerate(objects.ravel().tolist()):
        try:
            found.append(check_n(one, name))
        except (TypeError, ValueError) as error:
            if type(error) not in (TypeError, ValueError) or not str(error).startswith(name):
                raise  # of the caller's own class, or of a signal handler
            remedy = "; pass n.astype(int)" if array.dtype.kind == "f" else ""
            raise type(error)(f"{error}{position(k, objects.shape)}{remedy}") from None
    kind = numpy.int64 if max(found, default=0) < 2**63 else object
    return numpy.array(found, dtype=kind).reshape(objects.shape)


def common(**given: NDArray[Any]) -> tuple[int, ...]:
    """Return the shape of the answer to arguments of these shapes, as numpy broadcasts them; else raise."""
    import numpy

    try:
        return numpy.broadcast_shapes(*(one.shape for one in given.values()))
    except ValueError:
        names, shapes = " and ".join(given), " and ".join(str(one.shape) for one in given.values())
        first = next(iter(given))
        remedy = f"for all pairs, pass {first}[:, None]"
        raise ValueError(f"{names} have shapes that do not go together, {shapes}: {remedy}") from None


def spread(shape: tuple[int, ...], *given: NDArray[Any]) -> list[list[Any]]:
    """Return the elements of each argument for each answer in this shape, as lists of Python's numbers."""
    import numpy

    return [numpy.broadcast_to(one, shape).ravel().tolist() for one in given]


def each_number(question: Callable[..., float], *given: NDArray[Any], shape: tuple[int, ...]) -> _Floats:
    """Ask a question, whose answer is a plain number, for each element; return an array."""
    import numpy

    answers = [_ask(question, arguments, k, shape) for k, arguments in enumerate(zip(*spread(shape, *given)))]
    return numpy.array(answers, dtype=numpy.float64).reshape(shape)


def each_estimate(
    question: Callable[..., Estimate],
    *given: NDArray[Any],
    shape: tuple[int, ...],
    unit: str = "",
    stacklevel: int = 1,
) -> Estimates:
    """Ask a question for each element; return the estimates, and warn once if answers are beyond the data."""
    answers, texts = [], []
    for k, arguments in enumerate(zip(*spread(shape, *given))):
        answer, text = collected(partial(_ask, question, arguments, k, shape))
        answers.append(answer)
        texts += [text] if text else []
    warn_once(len(answers), len(texts), texts[0] if texts else "", stacklevel + 1)
    return estimates_of(answers, shape, unit)


def _ask(question: Callable[..., _T], arguments: tuple[Any, ...], k: int, shape: tuple[int, ...]) -> _T:
    try:
        return question(*arguments)
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        raise ValueError(f"{error}{position(k, shape)}") from None


def _check(array: NDArray[Any], good: NDArray[np.bool_], refuse: Callable[[Any], object]) -> None:
    """Let `refuse` raise for the first element that is not good; add its position to the message."""
    if good.all():
        return
    k = int((~good).ravel().argmax())
    try:
        refuse(array.ravel()[k].item())
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        raise ValueError(f"{error}{position(k, array.shape)}") from None


def _refuse_nan(name: str) -> None:
    raise ValueError(f"{name} must not be NaN")
