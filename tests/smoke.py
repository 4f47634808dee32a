"""Use what is installed, once each: what a wheel is tested with, where the test extra would be too much to install.

It needs the package and numpy, no network, and a folder that it may write to; it prints one line.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import historian
import historian.snapshot
from historian.web._assets import assets

RECORD = """
import sys, historian
historian.Registry(sys.argv[1]).recorder("query", table="users").record(0.25)
"""


def run(*words: str) -> str:
    """Return what a command of historian's prints."""
    done = subprocess.run([sys.executable, "-m", "historian", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def main() -> None:
    """Record, ask, send, and look from outside."""
    recorder = historian.Recorder("smoke", unit="ms")
    recorder.record_many([1.0] * 90 + [8.0] * 9)
    with recorder.time() as timer:
        pass
    recorder.record(64.0)
    histogram = recorder.snapshot()
    assert histogram.count == 101
    assert histogram.max == 64.0
    assert histogram.min == min(timer.elapsed, 1.0)
    assert [round(value, 1) for value in histogram.percentile([50, 95])] == [1.0, 8.0]

    data = histogram.to_bytes()
    assert historian.Histogram.from_bytes(data) == histogram
    merged = historian.merge([data, histogram])
    assert merged == histogram + histogram
    assert (merged - histogram).counts.tolist() == histogram.counts.tolist()

    values = historian.Histogram.from_values([0.010] * 9_900 + [1.0] * 100)
    share = values.fanout(100).p_wait(0.5)
    assert share.lower < 1 - 0.99**100 < share.upper, share
    assert abs(share - (1 - 0.99**100)) < 1e-9, share

    assert all(asset.body for asset in assets().values())

    done = ["record", "percentiles", "bytes", "fan-out", "files of the live page"]
    with tempfile.TemporaryDirectory() as folder:
        numbers = Path(folder, "numbers.txt")
        numbers.write_text("".join(f"{number}\n" for number in range(1, 1001)))
        shown = run("summarize", "--unit", "ms", "-p", "50,99", str(numbers)).splitlines()
        assert shown[0].split() == ["name", "(ms)", "count", "min", "p50", "p99", "max", "mean"]
        assert shown[1].split()[-6:] == ["1,000", "1.00", "498", "986", "1,000", "500"]
        done.append("summarize")
        if sys.platform != "win32":  # a registry's directory needs a POSIX system
            directory = str(Path(folder, "registry"))
            record = (
                f"import historian; historian.Registry({directory!r}).recorder('query', table='users').record(0.25)"
            )
            subprocess.run([sys.executable, "-c", record], check=True)
            registry = historian.Registry(directory)
            registry.recorder("query", table="users").record(0.5)
            snapshot = registry.snapshot()
            (total,) = snapshot.values()
            assert (total.count, total.min, total.max) == (2, 0.25, 0.5)
            assert "query{table=users}" in run("profile", directory)
            historian.snapshot.save(snapshot, Path(folder, "kept.jsonl"))
            assert historian.snapshot.load(Path(folder, "kept.jsonl")) == snapshot
            done += ["directory", "profile", "snapshot"]
    print(f"historian {historian.__version__} works: {', '.join(done)}")


if __name__ == "__main__":
    main()
