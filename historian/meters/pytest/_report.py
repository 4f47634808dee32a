"""`Collected`: the measurements of all tests of a session: the table at the end, and the run to save."""

from __future__ import annotations

import base64

from ..._show.profile import Profile
from ..._values.text import counted
from ...histogram import Histogram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ._baseline import Baseline

__all__ = ["Collected"]


class Collected:
    """What all tests measured, by test.  It comes as data that JSON can hold, from this process or from workers."""

    def __init__(self) -> None:
        self._found: dict[str, list[dict[str, Any]]] = {}
        self._failed: set[str] = set()
        self._notes: list[str] = []

    def add(self, test: str, found: Sequence[dict[str, Any]], *, passed: bool, when: str) -> None:
        """Add what a test measured.  What a test measured that fails later, or at its end, is not saved."""
        if when == "call":
            self._found[test] = list(found)  # of a test that is repeated, the last one counts
            self._failed.discard(test)
        if not passed:
            self._failed.add(test)

    def save(self, baseline: Baseline) -> None:
        """Save what passing tests measured, and keep a note for `text`."""
        passed = [one for test, found in self._found.items() if test not in self._failed for one in found]
        try:
            note = baseline.save(passed)
        except OSError as error:
            note = f"not saved: {error}"
        self._notes += [note] if note else []
        alone = [one for found in self._found.values() for one in found if not one["compared"]]
        if baseline.compares and alone:
            self._notes.append(f"not in enough runs of the baseline: {counted(len(alone), 'measurement')}")
        slower = sorted({quantile for found in self._found.values() for one in found for quantile in one["unknown"]})
        if slower:
            number = sum(bool(one["unknown"]) for found in self._found.values() for one in found)
            self._notes.append(
                f"{' and '.join(slower)} of {counted(number, 'measurement')} not compared: "
                "the machine was slower than in each saved run"
            )

    def text(self) -> str:
        """Return the table, and notes on what was saved."""
        rows = {}
        for test, found in self._found.items():
            for one in found:
                name = test if len(found) == 1 else f"{test}, {one['measure']}"
                rows[name] = Histogram.from_bytes(base64.b64decode(one["histogram"]))
        return str(Profile(rows, self._notes)) if rows else "\n".join(["no test has measured", *self._notes])
