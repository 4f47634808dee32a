"""A busy process makes no system calls: neither to record, nor to time, into recorders that it has."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import historian

PROGRAM = """
import os, sys
sys.path[:0] = [sys.argv[2]]
import historian
registry = historian.Registry(sys.argv[1])
recorders = [registry.recorder("q", i=i) for i in range(50)]
family = registry.family("f", labels=("route",))
values = [1.5**k for k in range(20)]
def work(times):
    for _ in range(times):
        for recorder in recorders:
            for value in values:
                recorder.record(value)
            recorder.stop(recorder.start())
            family["/"].record(1.0)
work(2)
os.write(2, b"begin")
work(20)
os.write(2, b"end")
"""


def test_no_system_call_to_record(directory, tmp_path):
    strace = shutil.which("strace")
    if not strace or subprocess.run([strace, "-o", tmp_path / "t", "true"], capture_output=True).returncode:
        pytest.skip("there is no strace here, or it may not trace")
    source = str(Path(historian.__file__).parents[1])
    command = [strace, "-f", "-o", str(tmp_path / "calls"), sys.executable, "-c", PROGRAM, directory, source]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    calls = (tmp_path / "calls").read_text().splitlines()
    [begin] = [k for k, line in enumerate(calls) if '"begin"' in line]
    [end] = [k for k, line in enumerate(calls) if '"end"' in line]
    assert calls[begin + 1 : end] == []
    assert any("fallocate" in line for line in calls[:begin])  # what is traced are the calls of the core, too
