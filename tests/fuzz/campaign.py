"""Run a fuzzer in child processes, so that a death is seen, counted, and known by the number of its case.

Every case depends on the seed and its own number only.  So ``--seed S --case N`` repeats it alone.
"""

from __future__ import annotations

import faulthandler
import mmap
import os
import re
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

#: Seconds after which a case is taken to hang.  A campaign in the background may get little of the processor.
PATIENCE = 600

#: Bytes that a case may take beyond what the process has before.
MEMORY = 1 << 30

#: Cases shown of each kind of fault.
SHOWN = 3

#: Exit status of a child process whose fuzzer is at fault.
BROKEN = 70

REFUSED, ACCEPTED, IDLE = "refused", "accepted", "idle"


class FaultError(Exception):
    """A reader did what it must not do: it accepted wrong data, say, or its answer is not that of the oracle."""


class Fuzzer(Protocol):
    """Makes hostile input, hands it to a reader, and judges what comes back."""

    batch: int  # cases for one child process
    addresses: int  # bytes of memory that a case may map without using them

    def __init__(self, seed: int, folder: str) -> None: ...

    def case(self, rng: Random) -> str:
        """Run one case; return `REFUSED`, `ACCEPTED` or `IDLE`.  Raises any exception if the reader is at fault."""


@dataclass
class Result:
    """What came of a campaign."""

    cases: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    deaths: list[tuple[int, str]] = field(default_factory=list)  # number of the case, and what was seen of it
    hangs: list[tuple[int, str]] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)
    is_interrupted: bool = False

    @property
    def is_clean(self) -> bool:
        return not (self.deaths or self.hangs or self.faults)


def seeded(seed: int, case: int) -> Random:
    """Return the source of all that is random in a case."""
    return Random(seed << 40 | case)


class _Progress:
    """What a child process tells its parent, in memory that both share: it survives any death."""

    def __init__(self) -> None:
        self._pages = mmap.mmap(-1, mmap.PAGESIZE)

    def note(self, case: int, refused: int, accepted: int, faults: int) -> None:
        struct.pack_into("<4q", self._pages, 0, case, refused, accepted, faults)

    def read(self) -> tuple[int, int, int, int]:
        return struct.unpack_from("<4q", self._pages, 0)


def run(make: type[Fuzzer], seed: int, first: int, count: int, seconds: float) -> Result:
    """Run cases `first` to `first` + `count` - 1, or as many as there is time for."""
    result, began = Result(), time.monotonic()
    deadline = began + seconds
    case = first
    scratch = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # in memory, if there is such a place
    while case < first + count and time.monotonic() < deadline and not result.is_interrupted:
        folder = tempfile.mkdtemp(prefix="fuzz-", dir=scratch)
        try:
            case = _batch(make, seed, range(case, min(case + make.batch, first + count)), deadline, folder, result)
        except KeyboardInterrupt:  # report what has been found so far
            result.is_interrupted = True
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    result.cases, result.seconds = case - first, time.monotonic() - began
    return result


def _batch(
    make: type[Fuzzer], seed: int, cases: range, deadline: float, folder: str, result: Result
) -> int:  # the number of the next case
    progress, log = _Progress(), os.path.join(folder, "log")
    progress.note(cases.start, 0, 0, 0)
    child = os.fork()
    if child == 0:
        status = BROKEN
        try:
            status = _work(make, seed, cases, deadline, folder, progress)
        except BaseException:
            with open(log, "a") as file:
                traceback.print_exc(file=file)
        finally:
            os._exit(status)
    try:
        is_hanging, status = _watch(child, progress)
    except KeyboardInterrupt:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    case, refused, accepted, _ = progress.read()
    result.outcomes[REFUSED] += refused
    result.outcomes[ACCEPTED] += accepted
    result.faults += _faults(folder)
    seen = open(log).read() if os.path.exists(log) else ""
    if is_hanging:
        result.hangs.append((case, seen))
        return case + 1
    if os.waitstatus_to_exitcode(status) == BROKEN:
        raise RuntimeError(f"the fuzzer cannot start:\n{seen}")
    if status:
        code = os.waitstatus_to_exitcode(status)
        name = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        result.deaths.append((case, f"{name}\n{seen}"))
        return case + 1
    return case


def _watch(child: int, progress: _Progress) -> tuple[bool, int]:
    """Wait for a child; return whether it hung and was killed, and its status."""
    case, since, pause = -1, time.monotonic(), 0.001
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return False, status
        now = progress.read()[0]
        if now != case:
            case, since = now, time.monotonic()
        elif time.monotonic() - since > PATIENCE:
            os.kill(child, signal.SIGABRT)  # faulthandler shows where
            return True, os.waitpid(child, 0)[1]
        time.sleep(pause)
        pause = min(0.05, 2 * pause)


def _work(make: type[Fuzzer], seed: int, cases: range, deadline: float, folder: str, progress: _Progress) -> int:
    """Run the cases; this is the child process."""
    log = open(os.path.join(folder, "log"), "w")
    os.dup2(log.fileno(), 2)  # what sanitizers say
    faulthandler.enable(log)
    work = os.path.join(folder, "work")
    os.mkdir(work, 0o700)
    fuzzer = make(seed, work)
    limit_memory(MEMORY + fuzzer.addresses)
    refused = accepted = faults = 0
    for case in cases:
        if time.monotonic() > deadline:
            cases = range(case)
            break
        progress.note(case, refused, accepted, faults)
        try:
            outcome = fuzzer.case(seeded(seed, case))
            refused += outcome == REFUSED
            accepted += outcome == ACCEPTED
        except Exception:
            faults += 1
            if faults <= 1000:
                with open(os.path.join(folder, "faults"), "a") as file:
                    file.write(f"{case}\n{traceback.format_exc()}\0")
    progress.note(cases.stop, refused, accepted, faults)
    return 0


def limit_memory(nbytes: int) -> None:
    """Let this process take no more than so many bytes beyond what it has now."""
    if not os.path.exists("/proc/self/statm") or "asan" in os.environ.get("LD_PRELOAD", ""):
        return  # the shadow memory of a sanitizer is larger than any limit
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * mmap.PAGESIZE
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (used + nbytes, hard))


def _faults(folder: str) -> list[tuple[int, str]]:
    try:
        with open(os.path.join(folder, "faults"), errors="backslashreplace") as file:
            parts = file.read().split("\0")[:-1]
    except FileNotFoundError:
        return []
    return [(int(number), text) for number, _, text in (part.partition("\n") for part in parts)]


def kind(text: str) -> str:
    """Return what faults have in common: the place of the error, and its message before any data."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    places = [line.strip() for line in lines if line.lstrip().startswith("File ")]
    message = re.split(r"[^A-Za-z ,.():]", lines[-1], maxsplit=1)[0] if lines else ""
    return f"{places[-1] if places else ''} {message}"


def report(name: str, seed: int, result: Result, out=sys.stdout) -> None:
    """Print what came of a campaign: one line, and some cases of each kind of fault."""
    print(
        f"{name}: seed {seed}, {result.cases:,} cases in {result.seconds:.0f} s: "
        f"{result.outcomes[REFUSED]:,} refused, {result.outcomes[ACCEPTED]:,} accepted; "
        f"{len(result.deaths)} deaths, {len(result.hangs)} hangs, {len(result.faults)} wrong",
        file=out,
    )
    for what, found in (("death", result.deaths), ("hang", result.hangs), ("wrong", result.faults)):
        kinds: dict[str, list[tuple[int, str]]] = {}
        for case, text in found:
            kinds.setdefault(kind(text), []).append((case, text))
        for same in kinds.values():
            cases = ", ".join(str(case) for case, _ in same[:SHOWN])
            print(f"\n---- {what}, {len(same)} times: {name} --seed {seed} --case {cases}", file=out)
            print("\n".join(same[0][1].strip().splitlines()[-40:]), file=out)
    out.flush()
