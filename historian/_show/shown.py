"""The methods by which notebooks, terminals and rich show an object.

A class takes them over as its own, beside a method `_view` that returns a `historian._show.view.View`::

    _repr_html_, _repr_pretty_ = in_html, in_terminal

and ``__rich__``, which calls `in_rich`. They are no base class: IPython looks for `_repr_pretty_` in each class
before it looks at the next one, and would find `__repr__` first. What draws is imported when it is first needed.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from .view import View

    class _Shown(Protocol):
        def _view(self) -> View: ...


__all__ = ["in_html", "in_rich", "in_terminal"]


def in_html(self: _Shown) -> str:
    """Return HTML for a notebook, at most 30 kB."""
    from .html import html

    return html(self._view())


def in_terminal(self: _Shown, printer: Any, cycle: bool) -> None:
    """Show a picture and a table in IPython; within a list or another object, the `repr` alone."""
    from .terminal import shown_by

    printer.text(f"{type(self).__name__}(...)" if cycle else shown_by(self, printer))


def in_rich(self: _Shown) -> Any:
    """Return what the library rich prints."""
    from .console import Renderable

    return Renderable(self._view())
