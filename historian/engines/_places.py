"""`Places`: the place of the group of each row, for batches of columns of labels."""

from __future__ import annotations

from .._values.arrow import coded
from .._values.codes import Codes, combined

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Places"]

#: The place of a label that no row had so far.
UNKNOWN = -2


class Places:
    """Gives the group of each row a place, batch after batch.

    `place` is called for each label, or tuple of labels, when a row first has it, in the order of these rows; it may be
    called again for the same one.  It returns the place of the group, or -1 if these rows do not count.
    """

    def __init__(self, number: int, place: Callable[[Any], int]) -> None:
        self._place = place
        self._known: list[Any] = [None] * number  # of each column: see `coded`
        self._places: dict[Any, int] = {}  # by label
        self._last: tuple[Any, NDArray[np.int32]] | None = None  # labels, and their places

    def __len__(self) -> int:
        return len(self._places)

    def of(self, columns: Sequence[pa.Array]) -> tuple[NDArray[Any], list[int]]:
        """Return the place of each row, and the rows that had a label first.  O(rows), without sorting.

        Raises TypeError for columns that are not labels.
        """
        import numpy as np

        found = []
        widest = 4 * len(columns[0]) if len(columns) == 1 else 0
        for i, column in enumerate(columns):
            codes, labels, self._known[i] = coded(column, self._known[i], widest)
            found.append(Codes(codes, labels))
        codes, labels = found[0] if len(found) == 1 else combined(found)
        if self._last is None or not (self._last[0] is labels or (type(labels) is range and self._last[0] == labels)):
            get = self._places.get
            self._last = labels, np.array([get(label, UNKNOWN) for label in labels], np.int32)
        places = self._last[1]
        rows = self._find(codes, labels, places) if len(places) and places.min() == UNKNOWN else []
        if (places == np.arange(len(labels))).all():
            return codes, rows
        taken: NDArray[Any] = places[codes]
        return taken, rows

    def _find(self, codes: NDArray[Any], labels: Sequence[Any], places: NDArray[np.int32]) -> list[int]:
        """Write the places of labels that have a row now; return the first row of each."""
        import numpy as np

        first = np.full(len(labels), -1, np.int64)
        first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
        new = np.flatnonzero((places == UNKNOWN) & (first >= 0))
        rows = []
        for code in new[np.argsort(first[new])].tolist():
            label = labels[code]
            if label not in self._places:
                self._places[label] = self._place(label)
                rows.append(int(first[code]))
            places[code] = self._places[label]
        return rows
