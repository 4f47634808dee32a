"""The scans of arrays in C, each kind of register: on this processor, and on a 64-bit ARM under an emulator."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import historian

DRILL = Path(__file__).parent / "drill_scan.c"
FLAGS = ["-std=gnu11", "-O2", "-I", str(Path(historian.__file__).parent / "_native"), str(DRILL)]
ARM_COMPILER, ARM_EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64-static"


def run(command):
    """Return the lines that the drill prints: the names of the scans it has checked."""
    env = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split()


@pytest.mark.skipif(sys.platform == "win32" or not shutil.which("cc"), reason="needs cc")
def test_drill(tmp_path):
    subprocess.run(["cc", *FLAGS, "-o", str(tmp_path / "drill"), "-lm"], check=True)
    names = run([str(tmp_path / "drill")])
    assert names[-1] == "baseline"
    if platform.machine() in ("aarch64", "arm64"):
        assert names == ["neon", "baseline"]


@pytest.mark.skipif(
    not shutil.which(ARM_COMPILER) or not shutil.which(ARM_EMULATOR),
    reason=f"needs {ARM_COMPILER} and {ARM_EMULATOR}: on Debian, gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and "
    "qemu-user-static",
)
def test_drill_on_arm(tmp_path):
    """Chunks, refusals and loaders as on this processor, and one mantissa of 64: the emulator takes its time."""
    subprocess.run([ARM_COMPILER, *FLAGS, "-static", "-o", str(tmp_path / "drill"), "-lm"], check=True)
    step = os.environ.get("HISTORIAN_DRILL_STEP", "64")
    assert run([ARM_EMULATOR, str(tmp_path / "drill"), step]) == ["neon", "baseline"]
