"""Tables of accuracy_coverage.py, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator


def header(first: str, columns: list[str]) -> Iterator[str]:
    yield line(first, columns)
    yield "|" + "---|" * (len(columns) + 1)


def line(first: str, cells: list[str]) -> str:
    return "| " + " | ".join([first, *cells]) + " |"


def percent(share: float) -> str:
    """Return a share in whole percent; in bold if it is below 93 %, too few."""
    text = f"{100 * share:.0f}"
    return f"**{text}**" if share < 0.93 else text
