"""Tables of simulations, in Markdown."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping

from historian.tail import TailWarning


def header(first: str, columns: list[str]) -> Iterator[str]:
    yield line(first, columns)
    yield "|" + "---|" * (len(columns) + 1)


def line(first: str, cells: list[str]) -> str:
    return "| " + " | ".join([first, *cells]) + " |"


def percent(share: float) -> str:
    """Return a share in whole percent; in bold if it is below 93 %, too few."""
    text = f"{100 * share:.0f}"
    return f"**{text}**" if share < 0.93 else text


def print_parts(parts: Mapping[str, Callable[[], Iterator[str]]], names: list[str]) -> int:
    """Print the tables of all parts, or of the named ones; return 2 for an unknown name."""
    unknown = [name for name in names if name not in parts]
    if unknown:
        print(f"there is no part named {unknown[0]}: choose from {', '.join(parts)}", file=sys.stderr)
        return 2
    warnings.simplefilter("ignore", TailWarning)
    for name in names or parts:
        for text in parts[name]():
            print(text, flush=True)
        print()
    return 0
