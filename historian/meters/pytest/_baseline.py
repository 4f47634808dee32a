"""`Baseline`: saved runs of a suite in a folder, and what they know of each measurement.

    .latency/NAME/environment.json         the machine and the interpreter of all its runs
    .latency/NAME/run-0001/index.json      the measurements of a run, and their statistics
    .latency/NAME/run-0001/....hist        their histograms, and those of the reference workload

A run is written into a folder of its own, which is then renamed: so it is there completely or not at all.
"""

from __future__ import annotations

import json
import re
import shutil
from functools import cached_property
from pathlib import Path

from ..._stats.checks import check_share
from ..._values.key import Key
from ..._values.text import counted
from ...histogram import Histogram, merge
from ._alarm import FEWER, LEAST_RUNS, Rule, series_of, statistics_of
from ._environment import differences, environment
from ._index import Entry, read_index, write_run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["KEPT", "Baseline", "Known"]

KEPT = 20  # runs; saving removes older ones


class Baseline:
    """The folder of baselines: the one to compare with, and the one to save to."""

    def __init__(self, folder: Path, *, save: str | None, compare: str | None, alarm: float) -> None:
        """Read the baseline to compare with.  Raises ValueError for what cannot be used, OSError."""
        self._folder, self._save, self._alarm = folder, save, check_share("--latency-alarm", alarm)
        for name in (save, compare):
            if name is not None and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", name):
                raise ValueError(f"a baseline has a name of letters, digits, - and _, such as main, not {name!r}")
        if save is not None:
            self._check_environment(folder / save)
        self._runs = [] if compare is None else self._read(compare)
        self._saved = [] if save is None else self._all(folder / save)

    @classmethod
    def of(cls, option: Any, root: Path) -> Baseline:
        """Return the baseline that pytest's options ask for; `root` is that of the tests."""
        folder = root / (option.latency_dir or ".latency")
        save, compare = option.latency_save, option.latency_baseline
        return cls(folder, save=save, compare=compare, alarm=option.latency_alarm)

    @property
    def compares(self) -> bool:
        """Whether there are saved runs to compare with."""
        return bool(self._runs)

    def known(self, key: Key) -> Known | None:
        """Return what the saved runs know of a measurement; None if it is in none of them.

        All runs of a baseline do the same work for reference.  That of the latest one counts, so that a run which was
        saved by two processes at the same time does no harm.
        """
        for runs, rule in ((self._runs, self._rule), (self._saved, None)):
            entries = [run[key] for run in runs if key in run]
            if entries:
                loops = entries[-1].loops
                alike = [one for one in entries if one.loops == loops]
                enough = bool(series_of([one.statistics for one in alike]))
                return Known(loops, alike, rule if enough else None)
        return None

    @cached_property
    def _rule(self) -> Rule:
        keys = dict.fromkeys(key for run in self._runs for key in run)
        return Rule.of(([run[key].statistics for run in self._runs if key in run] for key in keys), self._alarm)

    def save(self, found: Sequence[dict[str, Any]]) -> str:
        """Save a run, unless there is nothing to save or no need to, and return a note about it."""
        if self._save is None:
            return ""
        if not found:
            return f"nothing to save as {self._save}: no test that passed has measured"
        folder = self._folder / self._save
        folder.mkdir(parents=True, exist_ok=True)
        ignored = self._folder / ".gitignore"
        if not ignored.exists():
            ignored.write_text("# runs on one machine are of no use on another\n*\n", encoding="utf-8")
        path = folder / "environment.json"
        if not path.exists():
            path.write_text(json.dumps(environment(), indent=1) + "\n", encoding="utf-8")
        write_run(folder, found)
        runs = _run_folders(folder)
        for old in runs[:-KEPT]:
            shutil.rmtree(old)
        number = min(KEPT, len(runs))
        more = f"; {LEAST_RUNS - number} more to compare with it" if number < LEAST_RUNS else ""
        return f"saved {counted(len(found), 'measurement')} as {self._save}, which has {counted(number, 'run')}{more}"

    def _read(self, name: str) -> list[dict[Key, Entry]]:
        """Return the runs of the baseline to compare with; without enough of them, raise, or only save one more."""
        folder = self._folder / name
        runs = self._all(folder)
        if self._save == name and len(runs) < LEAST_RUNS:
            return []
        if not runs:
            known = sorted(path.name for path in self._folder.glob("*") if path.is_dir())
            others = f": there is {', '.join(known)}" if known else ""
            raise ValueError(f"there is no baseline {name} in {self._folder}{others}; make it by --latency-save {name}")
        if len(runs) < LEAST_RUNS:
            few = f"baseline {name} has {counted(len(runs), 'run')}, and {LEAST_RUNS} tell how runs differ"
            raise ValueError(f"{few}: run pytest --latency-save {name} {LEAST_RUNS - len(runs)} more times")
        self._check_environment(folder)
        return runs

    def _all(self, folder: Path) -> list[dict[Key, Entry]]:
        return [read_index(run) for run in _run_folders(folder)] if folder.is_dir() else []

    def _check_environment(self, folder: Path) -> None:
        path = folder / "environment.json"
        if not path.exists():
            return
        try:
            saved = json.loads(path.read_bytes())
            apart = differences(dict(saved), environment())
        except (ValueError, TypeError, RecursionError):
            raise ValueError(f"{path} is damaged: remove {folder}, and save again") from None
        if apart:
            remedy = "save a baseline here under another name"
            raise ValueError(f"baseline {folder.name} is of another environment: {'; '.join(apart)}: {remedy}")


class Known:
    """What saved runs know of a measurement."""

    def __init__(self, loops: int, entries: Sequence[Entry], rule: Rule | None) -> None:
        self.loops: int = loops
        self._entries, self._rule = entries, rule
        self.unknown: list[str] = []  # quantiles that the last `alarm` did not compare: the machine is slower

    @property
    def is_compared(self) -> bool:
        """Whether there are enough runs to compare with."""
        return self._rule is not None

    def alarm(self, histogram: Histogram, reference: Histogram, tolerance: float) -> str:
        """Return how much slower a new measurement is, "" if there is no alarm."""
        if self._rule is None:
            return ""
        saved = [one.statistics for one in self._entries]
        new = statistics_of(histogram, reference, fewer=FEWER)
        self.unknown = self._rule.unknown(saved, new, tolerance)
        found = self._rule.alarms(saved, new, tolerance)
        shown = []
        for name, decide in found.items():
            factors = " and ".join(f"{one.factor:.2f} {one.kind} (alarms from {one.limit:.2f})" for one in decide)
            shown.append(f"{name}, times that of {counted(len(saved), 'run')}: {factors}")
        return "; ".join(shown)

    @property
    def histogram(self) -> Histogram:
        """All saved runs together, for pictures; empty if a file is missing."""
        return merge(found for one in self._entries if (found := one.load()) is not None)


def _run_folders(folder: Path) -> list[Path]:
    """Return the folders of the runs, the oldest first."""
    found = [path for path in folder.glob("run-*") if re.fullmatch(r"run-\d{4,9}", path.name) and path.is_dir()]
    return sorted(found, key=lambda path: int(path.name[4:]))
