"""Folders of history: files of several steps, so that what is old takes less space."""

from __future__ import annotations

import os

__all__ = ["SUFFIX", "segments_in"]

#: The end of the names of the files in a folder.
SUFFIX = ".history"


def segments_in(folder: str) -> list[str]:
    """Return the paths of the files in a folder, in the order of their creation.  Raises OSError."""
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(SUFFIX)]
