"""Histograms of consecutive intervals of time: as a list, or as a history, which the rooms above it do not know."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Protocol, TypeAlias, TypeGuard

    import numpy as np
    from numpy.typing import NDArray

    from .base import BaseHistogram

    class _Timed(Protocol):
        """What a history offers to those that cannot import it."""

        @property
        def histograms(self) -> tuple[Any, ...]: ...
        @property
        def starts(self) -> NDArray[np.datetime64]: ...
        @property
        def ends(self) -> NDArray[np.datetime64]: ...
        def _window(self, duration: Any, /) -> tuple[Any, ...]: ...

    #: The histograms of consecutive windows of time, in their order.
    _Windows: TypeAlias = Iterable[BaseHistogram] | _Timed

__all__ = ["histograms_of", "is_timed"]


def is_timed(given: object) -> TypeGuard[_Timed]:
    """Return whether an object is a history: it has histograms in the order of time, and the times."""
    kind = type(given)
    return all(hasattr(kind, name) for name in ("histograms", "starts", "ends", "_window"))


def histograms_of(given: _Windows) -> Iterable[BaseHistogram]:
    """Return the histograms of a history, one of each interval; all else unchanged."""
    found: Any = given.histograms if is_timed(given) else given
    return found  # type: ignore[no-any-return]
