"""The fuzzers find nothing in some hundred cases, and find what is planted: readers that die, hang, accept too much."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the fuzzers fork")

FUZZ = Path(__file__).parent

#: Each reader: how many cases, and Python that spoils its reader.
READERS = {
    "blobs": (
        3000,
        "fuzzer.__init__.__defaults__ = (lambda data: Histogram.from_bytes(blob_format.checked(data[:-4])),)",
    ),
    "columns": (
        1000,
        "add = module.add; module.add = lambda total, column, rows, before: add(total, column, rows[8:], before)",
    ),
    "files": (
        300,
        "read = module.read; module.read = lambda registry: ({k: h + h for k, h in read(registry)[0].items()}, {})",
    ),
    "dicts": (
        2000,
        "read = Histogram.from_dict; Histogram.from_dict = lambda data: read({**data, 'count': sum(data['counts'])})",
    ),
    "snapshots": (
        500,
        "load = module.snapshot.load; module.snapshot.load = lambda path: dict(list(load(path).items())[1:])",
    ),
    "histories": (
        300,
        "read = module.History.open; module.History.open = lambda path: read(path)[1:]",
    ),
    "arrays": (200, "command.main = lambda argv: main([*argv, '--skip-bad'])"),
    "tables": (200, "command.main = lambda argv: main([*argv, '--skip-bad'])"),
    "texts": (200, "command.main = lambda argv: main([*argv, '--skip-bad'])"),
    "documents": (200, "command.main = lambda argv: main([*argv, '--skip-bad'])"),
    "keys": (
        100,
        "load = module.snapshot.load; module.snapshot.load = lambda path: dict(list(load(path).items())[1:])",
    ),
    "hdr": (
        1000,
        "read = module.hdr.decode; module.hdr.decode = lambda data: read(data) + read(data)",
    ),
    "hlogs": (500, "read = module.hdr.read_log; module.hdr.read_log = lambda *a, **k: read(*a, **k)[1:]"),
    "hgrms": (
        500,
        "read = module._table.parse_percentiles; module._table.parse_percentiles = "
        "lambda *a: read(*a)._replace(values=read(*a).values[::-1])",
    ),
    "sketches": (
        1000,
        "read = module.ddsketch.decode; module.ddsketch.decode = "
        "lambda *a, **k: read(*a, **k)._replace(relative_error=-1.0)",
    ),
    "scrapes": (
        100,
        "read = module.native_counts; module.native_counts = lambda h: {n: c + 1 for n, c in read(h).items()}",
    ),
    "pages": (1000, "read = module.from_text; module.from_text = lambda data: read(data)[1:]"),
    "spectra": (100, "read = module.parse_wrk2; module.parse_wrk2 = lambda *a: read(*a)[1:]"),
    "otlp": (500, "read = module.from_metrics; module.from_metrics = lambda data: read(data)[1:]"),
}

SPOILED = """
import importlib, sys
sys.path[:0] = sys.argv[1:3]
import blob_format, campaign, command
from historian import Histogram, Registry
from historian.cli import main
module = importlib.import_module(sys.argv[3])
fuzzer = getattr(module, sys.argv[3].capitalize())
{}
result = campaign.run(fuzzer, 1, 0, int(sys.argv[4]), 300)
print(len(result.faults), len(result.deaths), len(result.hangs))
"""

PLANTED = """
import json, os, signal, sys, time
sys.path[:0] = sys.argv[1:3]
import campaign

class Planted:
    batch = 10
    addresses = 0

    def __init__(self, seed, folder):
        self.drawn = set()

    def case(self, rng):
        first = rng.random()
        case = next(n for n in range(40) if campaign.seeded(5, n).random() == first)
        if case == 3:
            os.kill(os.getpid(), signal.SIGSEGV)
        if case == 14:
            os._exit(9)
        if case == 17:
            raise ValueError("planted")
        if case == 25:
            time.sleep(600)
        return campaign.ACCEPTED if case % 2 else campaign.REFUSED

campaign.PATIENCE = 1
result = campaign.run(Planted, 5, 0, 40, 300)
found = {what: [case for case, _ in getattr(result, what)] for what in ("deaths", "hangs", "faults")}
print(json.dumps({**found, "cases": result.cases, "clean": result.is_clean, "says": result.deaths[0][1]}))
"""


def run_python(code, *arguments):
    """Run code in a new process: it forks, which the process of the tests must not do once it has threads."""
    command = [sys.executable, "-c", code, str(FUZZ), str(FUZZ.parent / "helpers"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=True, cwd="/").stdout


@pytest.mark.parametrize("reader", READERS)
def test_some_cases(reader):
    if reader == "tables" and sys.version_info < (3, 11):
        pytest.skip("the csv module of Python 3.10 cannot write all fields")
    command = [sys.executable, str(FUZZ), reader, "--seed", "1", "--count", str(READERS[reader][0])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False, cwd="/")
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "0 deaths, 0 hangs, 0 wrong" in done.stdout


@pytest.mark.parametrize("reader", READERS)
def test_a_spoiled_reader_is_found(reader):
    cases, change = READERS[reader]
    faults, deaths, hangs = map(int, run_python(SPOILED.format(change), reader, cases).split())
    assert faults > 0
    assert (deaths, hangs) == (0, 0)


def test_deaths_hangs_and_faults_are_found():
    found = json.loads(run_python(PLANTED))
    assert found["deaths"] == [3, 14]
    assert found["hangs"] == [25]
    assert found["faults"] == [17]
    assert found["cases"] == 40  # a death ends a batch, not the campaign
    assert not found["clean"]
    assert found["says"].startswith("SIGSEGV")


@pytest.mark.parametrize("reader", ["blobs", "files"])
def test_a_case_can_be_repeated(reader, tmp_path):
    """The number of a case, and the seed, are all that it depends on."""
    code = """
import importlib, sys
sys.path[:0] = sys.argv[1:3]
import campaign
make = getattr(importlib.import_module(sys.argv[3]), sys.argv[3].capitalize())
one, two = make(7, sys.argv[4] + "/1"), make(7, sys.argv[4] + "/2")

def hostile(fuzzer, case):
    rng = campaign.seeded(7, case)
    if sys.argv[3] == "blobs":
        return fuzzer.hostile(rng)
    image = fuzzer.hostile(rng, *rng.choice(fuzzer.pool))
    return bytes(image.head), bytes(image.rest), image.size

first = [hostile(one, n) for n in range(200)]
assert [hostile(two, n) for n in range(199, -1, -1)] == first[::-1]
print(len(set(first)))
"""
    assert int(run_python(code, reader, tmp_path)) > 150


def test_each_reader_has_a_number_of_cases():
    """So a faster machine tries no other cases."""
    code = f"""
import sys
from importlib.util import module_from_spec, spec_from_file_location

spec = spec_from_file_location("fuzz", {str(FUZZ / "__main__.py")!r})
fuzz = module_from_spec(spec)
spec.loader.exec_module(fuzz)
assert fuzz.READERS.keys() == fuzz.CASES.keys()
fuzz.CASES["dicts"] = 900
sys.argv[1:] = ["dicts", "--fixed", "--seed", "1"]
sys.exit(fuzz.main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.startswith("dicts: seed 1, 900 cases")


def test_unknown_readers_are_refused():
    done = subprocess.run(
        [sys.executable, str(FUZZ), "blob"], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 2
    assert "no reader 'blob'" in done.stderr
