"""Files of load generators, read by the command line: a whole process, from its start to the table."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .data import latencies
from .figures import absolute
from .timing import interleave, once

if TYPE_CHECKING:
    from .peers import Peer
    from .results import Results

LINES = 1_000_000
BLOCK = 10_000  # lines that differ; the rest are copies
#: What k6 writes for each request, one line each.
METRICS = (
    "http_reqs", "http_req_duration", "http_req_blocked", "http_req_connecting", "http_req_tls_handshaking",
    "http_req_sending", "http_req_waiting", "http_req_receiving", "http_req_failed", "iterations",
)  # fmt: skip


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "k6.json")
        path.write_text("".join(map(line, range(BLOCK), latencies(BLOCK, 1))) * (LINES // BLOCK), encoding="utf-8")
        command = [sys.executable, "-m", "historian", "summarize", "--from", "k6", str(path)]
        cases = interleave([once("k6", lambda: subprocess.run(command, check=True, capture_output=True))], rounds=5)
    results.add(absolute(f"summarize {LINES:,} lines of k6's JSON", 3, cases["k6"], "s", 1e9))


def line(number: int, seconds: float) -> str:
    """Return a line as k6 writes it."""
    tags = (
        '"expected_response":"true","group":"","method":"GET","name":"http://localhost/users","proto":"HTTP/1.1",'
        '"scenario":"default","status":"200","url":"http://localhost/users"'
    )
    return (
        f'{{"metric":"{METRICS[number % len(METRICS)]}","type":"Point","data":{{"time":"2026-06-21T10:00:00.123456Z",'
        f'"value":{1e3 * seconds:.6f},"tags":{{{tags}}}}}}}\n'
    )
