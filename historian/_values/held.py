"""A type variable for classes that hold histograms, so that type checkers know what users put in: a `Histogram`.

`Histogram` itself calls these classes, so their modules know its base class only.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from .base import BaseHistogram

    Held = TypeVar("Held", bound=BaseHistogram, default=BaseHistogram, covariant=True)
else:
    from typing import TypeVar  # before Python 3.13 it takes no default

    Held = TypeVar("Held")

__all__ = ["Held"]
