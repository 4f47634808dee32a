"""Benchmarks of `historian.engines`: each engine's own quantiles beside those of historian, on one parquet file.

Each module without an underscore is an engine.  It has `ROUTES`, a list of `Route`, and may have:

- `PACKAGES`: the distributions whose versions are named; the first one is the engine itself;
- ``setup()`` and ``teardown()``: they start and stop what all routes need, such as a cluster, which is not timed.

A module whose import raises ImportError is skipped.  ``python -m benchmarks.engines --help`` says how to run them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: The quantiles that each route returns.
QUANTILES = (0.99, 0.999, 0.9999)


@dataclass(frozen=True)
class Route:
    """A way to the quantiles of each group of a parquet file with the columns `key` (int32) and `value` (float64)."""

    label: str
    run: Callable[[str], Mapping[int, Sequence[float]] | None]  # path -> QUANTILES of each key; None: a floor
    ours: bool  # it is historian's; otherwise the engine's own
    exact: bool  # historian's: counts, extremes and sum are exact; the engine's own: the quantiles are
