"""The findings of one run, printed at once and saved as JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .figures import Figure, Growth, Row

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Results:
    """The findings of one run, in the order of measurement."""

    about: dict[str, Any] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)  # name and reason
    figures: list[Figure] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    growth: list[Growth] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, *found: Figure | Row | Growth) -> None:
        """Add and print a finding."""
        for one in found:
            print(one, flush=True)
            if isinstance(one, Figure):
                self.figures.append(one)
            elif isinstance(one, Row):
                self.rows.append(one)
            else:
                self.growth.append(one)

    def skip(self, what: str, why: str) -> None:
        """Add and print the name and the reason of a skipped measurement."""
        print(f"skipped: {what} ({why})", flush=True)
        self.skipped[what] = why

    def write(self, path: Path) -> None:
        """Write the findings as JSON, with six digits."""
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(_rounded(dataclasses.asdict(self)), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Results:
        """Return the findings that `write` has written."""
        data = json.loads(path.read_text(encoding="utf-8"))
        data["figures"] = [Figure(**one) for one in data["figures"]]
        data["rows"] = [Row(**{**one, "errors": one["errors"] and tuple(one["errors"])}) for one in data["rows"]]
        data["growth"] = [
            Growth(**{**one, "sizes": tuple(one["sizes"]), "costs": tuple(one["costs"])}) for one in data["growth"]
        ]
        return cls(**data)


def _rounded(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _rounded(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_rounded(value) for value in data]
    return float(f"{data:.6g}") if isinstance(data, float) else data
