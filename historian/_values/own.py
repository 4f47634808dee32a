"""Whose errors: those of this package are told from those that a signal handler or the caller's own code raises."""

from __future__ import annotations

__all__ = ["is_own"]

_OWN = frozenset({"historian", "json", "codecs", "encodings"})


def is_own(error: BaseException) -> bool:
    """Return whether this package, or ``json`` or a codec for it, has raised an error that has just been caught.

    A signal handler may run between any two steps of Python code, and raise what it likes there.  It has a frame of its
    own in the traceback.  So has what the caller has passed, such as a mapping.
    """
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] not in _OWN:
            return False
        trace = trace.tb_next
    return True
