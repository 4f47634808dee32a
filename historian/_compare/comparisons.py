"""`Comparisons`: what `historian.interleave` returns for more than two callables."""

from __future__ import annotations

from .._show.shown import in_html, in_rich, in_terminal
from .comparison import Comparison

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._show.view import View

__all__ = ["Comparisons"]


class Comparisons(list[Comparison]):
    """A list of comparisons of callables with the first one, which notebooks and terminals show as a table."""

    __slots__ = ()
    __module__ = "historian"

    def _view(self) -> View:
        from .report import overview

        return overview(self)

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)
