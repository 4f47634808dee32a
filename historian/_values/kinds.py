"""Which library a column is of, without importing that library."""

from __future__ import annotations

__all__ = ["library_of"]

LIBRARIES = ("pandas", "polars", "pyarrow")


def library_of(column: object) -> str:
    """Return ``"pandas"``, ``"polars"`` or ``"pyarrow"`` for an object of its classes, or of subclasses; else ""."""
    for kind in type(column).__mro__:
        library = kind.__module__.partition(".")[0]
        if library in LIBRARIES:
            return library
    return ""
