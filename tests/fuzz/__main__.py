"""Fuzz what reads data from outside: ``python tests/fuzz blobs --seed 1 --count 100000``."""

from __future__ import annotations

import argparse
import importlib
import math
import os
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "helpers")]

import campaign  # noqa: E402

#: Each reader, with the class of its fuzzer.
READERS = {
    "blobs": "Blobs",
    "columns": "Columns",
    "files": "Files",
    "dicts": "Dicts",
    "snapshots": "Snapshots",
    "histories": "Histories",
    "arrays": "Arrays",
    "tables": "Tables",
    "texts": "Texts",
    "documents": "Documents",
    "keys": "Keys",
    "hdr": "Hdr",
    "hlogs": "Hlogs",
    "hgrms": "Hgrms",
    "sketches": "Sketches",
    "otlp": "Otlp",
    "scrapes": "Scrapes",
    "pages": "Pages",
    "spectra": "Spectra",
}

#: Cases of `nox -s fuzz`: numbers, since a time would give each machine other cases.  On the machine that this was
#: written on, readers of our own formats, of arrays and of tables take about 20 seconds, the others 5.
CASES = {
    "blobs": 200_000,
    "columns": 130_000,
    "files": 16_000,
    "dicts": 75_000,
    "snapshots": 36_000,
    "histories": 20_000,
    "arrays": 4_300,
    "tables": 4_600,
    "texts": 1_200,
    "documents": 1_300,
    "keys": 2_700,
    "otlp": 42_000,
    "hdr": 33_000,
    "hlogs": 5_000,
    "hgrms": 11_000,
    "sketches": 33_000,
    "scrapes": 1_700,
    "pages": 8_300,
    "spectra": 400,
}


def main() -> int:
    """Run campaigns, and return 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python tests/fuzz")
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"default: all of {', '.join(READERS)}")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (default: 1)")
    parser.add_argument("--count", type=int, default=None, help="cases of each reader (default: no limit, or 1,000)")
    parser.add_argument("--fixed", action="store_true", help="as many cases of each reader as CASES says")
    parser.add_argument("--seconds", type=float, default=None, help="time for each reader (default: no limit)")
    parser.add_argument("--case", type=int, default=0, help="number of the first case; alone, of the only one")
    args = parser.parse_args()
    if unknown := [name for name in args.readers if name not in READERS]:
        parser.error(f"no reader {unknown[0]!r}; there are {', '.join(READERS)}")
    count = args.count
    if count is None:
        count = 1 if "--case" in sys.argv[1:] else 1 << 39 if args.seconds else 1000
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs without
    is_clean = True
    for name in args.readers or READERS:
        make = getattr(importlib.import_module(name), READERS[name])
        cases = CASES[name] if args.fixed else count
        result = campaign.run(make, args.seed, args.case, cases, args.seconds or math.inf)
        campaign.report(name, args.seed, result)
        is_clean = is_clean and result.is_clean
        if result.is_interrupted:
            return 130
    return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
