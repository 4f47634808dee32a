"""Instructions of a 64-bit ARM for each value of an array, with NEON and without: ``python -m benchmarks.arm``.

A processor is not needed: the emulator writes a line for each instruction, so the count repeats exactly.  It says how
much work there is, not how long it takes.  On Debian, it needs gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and
qemu-user-static.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
NATIVE = HERE.parent / "historian" / "_native"
CHUNKS = 20


def main() -> None:
    """Print the instructions of a value, by kind of scan."""
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(folder, "arm"))
        flags = ["-O3", "-fno-strict-aliasing", "-static", "-I", str(NATIVE)]
        subprocess.run(["aarch64-linux-gnu-gcc", *flags, str(HERE / "arm.c"), "-o", program, "-lm"], check=True)
        for name, more in (("NEON", []), ("value by value", ["plain"])):
            (few, size), (many, _) = (executed([program, str(chunks), *more]) for chunks in (CHUNKS, 2 * CHUNKS))
            print(f"{name:15} {(many - few) / CHUNKS / size:5.1f} instructions a value")


def executed(command: list[str]) -> tuple[int, int]:
    """Return how many instructions a program executes, from its start to its end, and the number that it prints."""
    options = ["-singlestep", "-d", "exec,nochain"]
    done = subprocess.run(["qemu-aarch64-static", *options, *command], capture_output=True, text=True, check=True)
    return done.stderr.count("Trace "), int(done.stdout)


if __name__ == "__main__":
    main()
