"""What a composed distribution is made of: the operation and its parts, so that any leaf can be changed.

A leaf is a distribution that no operation made, such as that of a histogram.  The same object in several places is the
same leaf: several calls with one distribution.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .._stats.estimate import TailWarning
from .columns import edges

__all__ = ["Node", "calls", "constant", "leaves", "operation", "rebuilt"]

#: The operations, by name: distributions and their pickles keep only the name.
_operations: dict[str, Callable[..., Any]] = {}


class Node(NamedTuple):
    """An operation, by name, with its parts and its other arguments by keyword."""

    name: str
    parts: tuple[tuple[Any, Any], ...]  # distributions, each with its number of calls, or its share for "choice"
    arguments: dict[str, Any]


def operation(function: Callable[..., Any]) -> None:
    """Let nodes name this function."""
    _operations[function.__name__] = function


def leaves(tree: Any) -> list[Any]:
    """Return the leaves of a distribution, each once, in the order in which they first appear.  O(nodes)."""
    found: dict[Any, None] = {}
    seen = set()

    def visit(part: Any) -> None:
        if part in seen:
            return
        seen.add(part)
        if part._tree is None:
            found[part] = None
        else:
            for inner, _ in part._tree.parts:
                visit(inner)

    visit(tree)
    return list(found)


def rebuilt(tree: Any, changed: Mapping[Any, Any]) -> Any:
    """Return the distribution with other leaves, from a mapping of leaves to distributions, without warnings.

    Each node with such a leaf in it is computed again, once.
    """
    done: dict[Any, Any] = dict(changed)

    def visit(part: Any) -> Any:
        if part not in done:
            done[part] = part
            if part._tree is not None:
                inner = [visit(one) for one, _ in part._tree.parts]
                if any(new is not old for new, (old, _) in zip(inner, part._tree.parts)):
                    done[part] = _computed(part._tree, inner)
        return done[part]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        return visit(tree)


def _computed(node: Node, parts: list[Any]) -> Any:
    """Return what the operation of a node makes of other parts."""
    function, numbers = _operations[node.name], [number for _, number in node.parts]
    if node.name == "seq":
        return function(*[part for part, n in zip(parts, numbers) for _ in range(n)], **node.arguments)
    if node.name in ("hedge", "retry"):
        return function(*parts, **node.arguments)
    apart = [copy.copy(part) if part in parts[:k] else part for k, part in enumerate(parts)]  # keys of a mapping
    return function(**{"shares" if node.name == "choice" else "n": dict(zip(apart, numbers))}, **node.arguments)


def calls(tree: Any) -> dict[Any, float]:
    """Return how many calls of each leaf a request makes, at most: every hedge and retry counts.  O(nodes)."""
    found: dict[Any, dict[Any, float]] = {}

    def visit(part: Any) -> dict[Any, float]:
        if part not in found:
            found[part] = {part: 1.0} if part._tree is None else {}
            for inner, number in part._tree.parts if part._tree else ():
                times = float(number) * _attempts(part._tree)
                for leaf, n in visit(inner).items():
                    found[part][leaf] = found[part].get(leaf, 0.0) + times * n
        return found[part]

    return visit(tree)


def _attempts(node: Node) -> float:
    return 2.0 if node.name == "hedge" else 1.0 + float(node.arguments.get("retries", 0))


def constant(like: Any, time: float) -> Any:
    """Return the distribution of one time only, in the unit of another distribution, and of its type."""
    import numpy

    points = [1.0, 0.0, 1.0, 0.0]  # just below the time and at it, which is the smallest and the largest
    rows = numpy.append((edges() < time).astype(numpy.float64), points)[None].repeat(3, axis=0)
    known: Any = {"unit": like.unit, "count": math.inf, "why": ("bucket width",), "load": (0.0, 0.0, 0.0, 1.0)}
    return type(like)(rows, extremes=(time, time), **known)
