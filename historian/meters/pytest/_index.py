"""The folder of a run: an index of its measurements with their statistics, and a ``.hist`` file of each."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple

from ..._values.key import Key
from ...histogram import Histogram
from ._alarm import QUANTILES, Pair, statistics_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

__all__ = ["Entry", "read_index", "write_run"]

VERSION = 1
MAX_NBYTES = 1 << 26  # of an index: about 100,000 measurements


class Entry(NamedTuple):
    """A measurement in a saved run."""

    path: Path  # of its histogram
    loops: int  # of the reference workload, from 1
    statistics: Mapping[str, Pair]

    def load(self) -> Histogram | None:
        """Return the histogram; None if it cannot be read, which is no reason to hide an alarm."""
        try:
            return Histogram.from_bytes(self.path.read_bytes())
        except (OSError, ValueError):
            return None


def read_index(folder: Path) -> dict[Key, Entry]:
    """Return the measurements of a run.  Raises ValueError for an index that `write_run` would not write, OSError."""
    path = folder / "index.json"
    try:
        if path.stat().st_size > MAX_NBYTES:
            raise ValueError
        index = json.loads(path.read_bytes())
        if index["version"] != VERSION:
            raise ValueError
        return dict(_entry(folder, one) for one in index["measurements"])
    except FileNotFoundError:
        raise ValueError(f"{path} is missing: remove {folder}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        raise ValueError(f"{path} is damaged, or of a newer historian: remove {folder}") from None


def _entry(folder: Path, one: Mapping[str, Any]) -> tuple[Key, Entry]:
    file, loops = one["file"], one["loops"]
    if not (re.fullmatch(r"[\w.-]+\.hist", file) and type(loops) is int and loops >= 1):
        raise ValueError
    statistics = {name: Pair(*map(float, pair)) for name, pair in one["statistics"].items()}
    if not all(name in QUANTILES and all(map(math.isfinite, pair)) for name, pair in statistics.items()):
        raise ValueError
    return Key(one["test"], measure=one["measure"]), Entry(folder / file, loops, statistics)


def write_run(folder: Path, found: Sequence[Mapping[str, Any]]) -> Path:
    """Write a run into the next folder, completely or not at all, and return its path.  Raises OSError."""
    new = folder / f".new-{os.getpid()}"
    shutil.rmtree(new, ignore_errors=True)  # of a process that was killed
    new.mkdir()
    try:
        measurements = [_write(new, one) for one in found]
        index = {"version": VERSION, "measurements": measurements}
        (new / "index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
        number = max([0, *(int(path.name[4:]) for path in folder.glob("run-*") if path.name[4:].isdigit())])
        while True:
            number += 1
            path = folder / f"run-{number:04}"
            if not path.exists():
                try:
                    new.rename(path)
                except OSError:
                    if not path.exists():
                        raise
                else:  # another process may have saved its run meanwhile
                    return path
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _write(folder: Path, one: Mapping[str, Any]) -> dict[str, Any]:
    """Write the histograms of a measurement, and return its line of the index."""
    test, measure = one["test"], one["measure"]
    slug = re.sub(r"[^A-Za-z0-9]+", "-", f"{test.rpartition('/')[2]}-{measure}").strip("-")[:80]
    name = f"{slug}-{hashlib.sha256(f'{test} {measure}'.encode('utf-8', 'replace')).hexdigest()[:12]}"
    data, reference = (base64.b64decode(one[kind]) for kind in ("histogram", "reference"))
    (folder / f"{name}.hist").write_bytes(data)
    (folder / f"{name}.reference.hist").write_bytes(reference)
    found = statistics_of(Histogram.from_bytes(data), Histogram.from_bytes(reference))
    statistics = {name: list(pair) for name, pair in found.items()}
    return {"test": test, "measure": measure, "file": f"{name}.hist", "loops": one["loops"], "statistics": statistics}
