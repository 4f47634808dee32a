"""Drills in C of the directory's file: processes that are killed, drained, remove recorders, and run out of space."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import historian

HERE = Path(__file__).parent
SUPPRESSIONS = HERE.parents[1] / ".ci" / "tsan-suppressions.txt"


@pytest.mark.skipif(not sys.platform.startswith("linux") or not shutil.which("cc"), reason="needs cc, and leases")
@pytest.mark.parametrize(
    ("drill", "sanitizer", "kills"),
    [
        ("drill_file.c", None, 60),
        ("drill_file.c", "address,undefined", 60),
        ("drill_remove.c", None, 60),
        ("drill_remove.c", "address,undefined", 60),
        ("drill_remove.c", "thread", 0),  # it does not see what other processes do
    ],
)
def test_drill(tmp_path, drill, sanitizer, kills):
    env = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    command = ["cc", "-std=gnu11", "-O2", "-g", "-I", str(Path(historian.__file__).parent / "_native")]
    command += [f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all"] if sanitizer else []
    binary = str(tmp_path / "drill")
    built = subprocess.run(
        [*command, str(HERE / drill), "-o", binary, "-pthread", "-lm"], env=env, capture_output=True, text=True
    )
    if sanitizer and built.returncode:
        pytest.skip(f"cc has no sanitizer of that name here: {sanitizer}")
    assert built.returncode == 0, built.stderr
    file = str(tmp_path / "recorders")
    command = [binary, file, str(kills)]
    if sanitizer == "thread":
        env["TSAN_OPTIONS"] = f"suppressions={SUPPRESSIONS}"
        if shutil.which("setarch"):
            command = ["setarch", platform.machine(), "-R", *command]  # TSan needs addresses that ASLR may take
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
