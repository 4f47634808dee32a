"""Import time, with a new interpreter for each measurement."""

from __future__ import annotations

import compileall
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import historian

from .figures import absolute, row
from .timing import ROUNDS, Case, interleave, once

if TYPE_CHECKING:
    from .peers import Peer
    from .results import Results

TABLE = "Import"


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    compileall.compile_dir(Path(historian.__file__).parent, quiet=1)  # as pip does when it installs
    cases = interleave([start("pass"), start("import historian")], rounds=2 * ROUNDS)
    results.add(
        absolute("import historian, over the bare interpreter", 8, cases["import historian"], "ms", 1e6, cases["pass"])
    )
    modules = list(dict.fromkeys(["historian", "numpy", *(peer.needs for peer in peers)]))
    cases = interleave([start("pass"), *(start(f"import {module}") for module in modules)], rounds=7)
    for module in modules:
        case = cases[f"import {module}"]
        results.add(
            row(TABLE, module, "import, over the bare interpreter", case, base=cases["pass"], unit="ms", per_unit=1e6)
        )


def start(program: str) -> Case:
    """Return the case of one interpreter that runs `program`."""
    return once(program, lambda: subprocess.run([sys.executable, "-c", program], check=True))
