"""Typing tests: type checkers must report exactly the expected errors for right and wrong uses of the public names.

In typing/wrong.py, each wrong line ends with its expected verdict: the error codes of mypy and the rules of pyright,
such as ``# mypy: attr-defined; pyright: reportAttributeAccessIssue``.  typing/right.py has no verdicts.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import historian

TYPING = Path(__file__).parent / "typing"
CHECKED = ("right.py", "wrong.py")
VERDICT = re.compile(r"  # mypy: (?P<mypy>[a-z, -]+); pyright: (?P<pyright>[A-Za-z, -]+)$")

Found = dict[str, dict[int, list[str]]]  # by name of the file and number of the line: sorted codes


def expected(checker: str) -> Found:
    found: Found = {name: {} for name in CHECKED}
    for name in CHECKED:
        for number, line in enumerate((TYPING / name).read_text(encoding="utf-8").splitlines(), 1):
            verdict = VERDICT.search(line)
            assert verdict or "# mypy" not in line, f"{name}, line {number} has a verdict that cannot be read: {line}"
            if verdict and verdict[checker] != "-":
                found[name][number] = sorted(verdict[checker].split(", "))
    return found


def add(found: Found, path: str, number: int, code: str) -> None:
    codes = found.setdefault(os.path.basename(path), {}).setdefault(number, [])
    if code not in codes:
        codes.append(code)
        codes.sort()


def source_tree() -> list[str]:
    """Return the folder of the package if checkers cannot find it by themselves, as in an editable install."""
    folder = Path(historian.__file__).parents[1]
    return [] if folder.name in ("site-packages", "dist-packages") else [str(folder)]


def run(command: list[str], folder: Path, extra_path: list[str]) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "MYPYPATH": os.pathsep.join(extra_path)}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)


def by_mypy(folder: Path) -> Found:
    """Return the findings of ``mypy --strict``."""
    pytest.importorskip("mypy", reason="mypy is not installed")
    files = [str(TYPING / name) for name in CHECKED]
    options = ["--strict", "--config-file=", "--follow-imports=silent", "--output=json", f"--cache-dir={folder}"]
    done = run([sys.executable, "-m", "mypy", *options, *files], folder, source_tree())
    assert done.returncode in (0, 1), done.stdout + done.stderr  # 2 if it could not run
    found: Found = {name: {} for name in CHECKED}
    for line in done.stdout.splitlines():
        error = json.loads(line)
        if error["severity"] == "error":
            add(found, error["file"], error["line"], error["code"])
    return found


def by_pyright(folder: Path) -> Found:
    """Return the findings of pyright, in strict mode for right.py."""
    pytest.importorskip("pyright", reason="pyright is not installed")
    for name in CHECKED:  # pyright looks below the folder of its configuration only
        shutil.copy(TYPING / name, folder)
    config = {"strict": ["right.py"], "extraPaths": source_tree()}
    (folder / "pyrightconfig.json").write_text(json.dumps(config), encoding="utf-8")
    options = ["--outputjson", "--pythonpath", sys.executable, "--project", str(folder)]
    done = run([sys.executable, "-m", "pyright", *options], folder, [])
    if done.returncode not in (0, 1) or not done.stdout.startswith("{"):
        why = (done.stderr or done.stdout)[-300:]
        pytest.skip(f"pyright cannot run here: it needs Node.js, as pip install pyright[nodejs] brings it: {why}")
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == len(CHECKED)
    found: Found = {name: {} for name in CHECKED}
    for error in report["generalDiagnostics"]:
        if error["severity"] == "error":
            add(found, error["file"], error["range"]["start"]["line"] + 1, error.get("rule", "syntax"))
    return found


@pytest.mark.parametrize("checker", [by_mypy, by_pyright], ids=["mypy", "pyright"])
def test_every_line_has_the_verdict_beside_it(checker: Callable[[Path], Found], tmp_path: Path) -> None:
    found, wanted = checker(tmp_path), expected(checker.__name__.removeprefix("by_"))
    lines = {name: (TYPING / name).read_text(encoding="utf-8").splitlines() for name in CHECKED}
    differences = [
        f"{name}:{number}: {lines[name][number - 1].split('  #')[0].strip()}: "
        f"expected {wanted[name].get(number, 'nothing')}, found {found[name].get(number, 'nothing')}"
        for name in CHECKED
        for number in sorted(wanted[name].keys() | found[name].keys())
        if wanted[name].get(number) != found[name].get(number)
    ]
    assert not differences, "\n".join(differences)
    assert sorted(found) == sorted(CHECKED)


def test_every_wrong_line_is_an_error_to_both_checkers() -> None:
    mypy, pyright = (expected(checker)["wrong.py"] for checker in ("mypy", "pyright"))
    assert mypy.keys() == pyright.keys()
    assert len(mypy) > 150
    assert not any(expected(checker)["right.py"] for checker in ("mypy", "pyright"))


def test_import_loads_nothing_that_only_types_need() -> None:
    """The import of typing or numpy takes several times that of historian; typing_extensions may not be installed."""
    code = (
        "import sys; names = ['typing', 'typing_extensions', 'numpy', 'decimal', 'fractions']; "
        "[sys.modules.pop(name, None) for name in names]; "  # modules that a .pth file of the environment has loaded
        "import historian; historian.Recorder('x').snapshot().quantile(0.5); "
        "print([name for name in names if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_right_uses_run() -> None:
    pytest.importorskip("typing_extensions")
    runpy.run_path(str(TYPING / "right.py"))
