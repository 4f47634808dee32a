"""Drills in C of the directory's file: processes that are killed, drained, remove recorders, and run out of space."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import historian

HERE = Path(__file__).parent


@pytest.mark.skipif(not sys.platform.startswith("linux") or not shutil.which("cc"), reason="needs cc, and leases")
@pytest.mark.parametrize("sanitizer", [None, "address,undefined"])
@pytest.mark.parametrize("drill", ["drill_file.c", "drill_remove.c"])
def test_drill(tmp_path, drill, sanitizer):
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
    done = subprocess.run([binary, file, "60"], env=env, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
