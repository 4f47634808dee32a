"""Arrays that another thread writes to while they are recorded: all of it is counted, or nothing, and exactly."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import instructions
import numpy as np
import pytest

import historian
from historian import Histogram
from historian._stats import arrays

TRIAL = Path(__file__).parents[1] / "helpers" / "changing_arrays.py"


@pytest.mark.parametrize("where", ["memory", "directory"])
@pytest.mark.parametrize("limit", ["", "avx2", "baseline"])
def test_changing_arrays_spoil_nothing(limit, where, tmp_path):
    """A second of it.  Before, each of these failed within a few seconds, most in the first one."""
    command = [sys.executable, str(TRIAL), "1", *([str(tmp_path / "d")] if where == "directory" else [])]
    env = {**os.environ, "HISTORIAN_SIMD": limit, "PYTHONPATH": str(Path(historian.__file__).parents[1])}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["simd"] in instructions.at_most(limit)
    assert seen["counted"] + seen["refused"] > 0


@pytest.mark.parametrize(("name", "dtype"), [("shares", "f8"), ("times", "f8"), ("thresholds", "f8"), ("wholes", "i8")])
def test_what_is_asked_is_a_copy(name, dtype):
    """So what has been checked is what is answered."""
    given = np.ones(3, dtype)
    taken = getattr(arrays, name)("x", given)
    given[:] = 0
    assert taken.tolist() == [1, 1, 1]


def test_changing_bytes_are_a_histogram_or_refused():
    """A thread writes two histograms in turn, without the GIL.  What is read is one of them, or a bad checksum."""
    blobs = [Histogram.from_values(values).to_bytes() for values in ([4.0, 8.0, 12.0] * 50, [8.0, 16.0, 24.0] * 50)]
    size = max(map(len, blobs))
    data = bytearray(size)
    written = [np.frombuffer(blob.ljust(size, b"\0"), dtype="u1") for blob in blobs]
    assert len(blobs[0]) == len(blobs[1])
    np.copyto(np.frombuffer(data, dtype="u1"), written[0])
    stopped = False

    def write():
        view = np.lib.stride_tricks.as_strided(np.frombuffer(data, dtype="u1"), (2_000, size), (0, 1))
        while not stopped:
            for one in written:
                view[:] = one  # 2,000 times, without the GIL

    writer = threading.Thread(target=write)
    writer.start()
    seen = dict.fromkeys(map(Histogram.from_bytes, blobs), 0)
    try:
        for _ in range(20_000):
            try:
                seen[Histogram.from_bytes(data)] += 1
            except ValueError as error:
                assert "checksum" in str(error)  # noqa: PT017
    finally:
        stopped = True
        writer.join()
    assert sum(seen.values()) > 0
