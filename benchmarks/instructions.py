"""Count the instructions of the hot paths, and compare them with the committed counts: ``nox -s bench-check``.

Counts do not depend on other load: the same code gives the same count, so a growth of 3 % is a change
of the code, not noise.  They depend on interpreter, compiler and valgrind: there is a set of figures for each.
valgrind runs a driver for N and for 2N operations; the difference is N operations, without the interpreter's start.

A count does not show cache misses, the cost of a locked instruction, or registers wider than valgrind supports.  It
does not support AVX-512 as of 3.19, so record_many is always counted in its AVX2 code.  Timers are counted with the
system's clock instead of the processor's time stamp counter (see drive.py).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .drive import PATHS

FIGURES = Path(__file__).with_name("instructions.json")
TOLERANCE = 0.03


def main(arguments: list[str]) -> int:
    """Return 0 if no path has grown, 1 if one has, 2 if there are no counts to compare with."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__.split("\n")[0])
    parser.add_argument("--update", action="store_true", help="save the counts of this run, to be committed")
    options = parser.parse_args(arguments)
    if not shutil.which("valgrind"):
        print("bench-check needs valgrind: install it, for example with apt-get install valgrind", file=sys.stderr)
        return 2
    committed = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    here, counted = key(), count_all()
    print(here)
    grown = compare(counted, committed.get(here))
    if options.update:
        committed[here] = counted
        FIGURES.write_text(json.dumps(committed, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(f"wrote {FIGURES.name}")
        return 0
    if here not in committed:
        print(f"nothing was compared, because {FIGURES.name} has no figures for the above, only for:")
        print("".join(f"  {known}\n" for known in committed) + "nox -s bench-check -- --update adds them")
        return 2
    if grown:
        print(f"grown by more than {TOLERANCE:.0%}: {', '.join(grown)}. To accept this: nox -s bench-check -- --update")
    return 1 if grown else 0


def key() -> str:
    """Return the versions that the counts depend on."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    version = {name: first_line([name, "--version"]) for name in (compiler, "valgrind")}
    python = f"{platform.python_implementation()} {platform.python_version()} ({platform.python_compiler()})"
    return ", ".join([python, platform.machine(), version[compiler], version["valgrind"]])


def first_line(command: list[str]) -> str:
    """Return the first line of the output of a command."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]


def count_all() -> dict[str, float]:
    """Return the instructions of one operation on each path, without those of the loop."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {
            (name, factor): pool.submit(count, name, factor * path.times)
            for name, path in PATHS.items()
            for factor in (1, 2)
        }
    turn = {name: (runs[name, 2].result() - runs[name, 1].result()) / path.times for name, path in PATHS.items()}
    return {
        name: round((turn[name] - turn["loop"]) / path.operations, 2) for name, path in PATHS.items() if name != "loop"
    }


def count(name: str, times: int) -> int:
    """Return the instructions of a whole interpreter that runs a path `times` times."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command += [sys.executable, "-m", "benchmarks.drive", name, str(times)]
    if shutil.which("setarch"):
        command = ["setarch", platform.machine(), "-R", *command]  # keeps addresses, and their hashes, the same
    env = {
        **os.environ,
        "HISTORIAN_SIMD": "avx2",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",  # else only the first run would compile
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(command, cwd=Path(__file__).parents[1], env=env, capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return int(found[1])


def compare(counted: dict[str, float], committed: dict[str, float] | None) -> list[str]:
    """Print each path's count beside the committed one; return the paths that have grown too much."""
    grown = []
    for name, now in counted.items():
        before = (committed or {}).get(name)
        if before is None:
            print(f"{name:<28} {now:>12.2f}   no figure to compare with")
            continue
        change = now / before - 1
        mark = ""
        if now > before * (1 + TOLERANCE):
            grown.append(name)
            mark = "   GROWN"
        print(f"{name:<28} {now:>12.2f}   {before:>12.2f}   {change:+.2%}{mark}")
    return grown


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
