"""A release starts from a tag: `.ci/changelog` checks that the version and the changelog match it."""

import re
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

import historian

ROOT = Path(__file__).parents[1]
PATH = ROOT / ".ci" / "changelog"

CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-03-01

### Added

- Something, see [the docs].

## [1.1.0] - 2026-02-31

- What came before.

## [1.0.1]

- No date.

## [1.0.0] - 2026-01-01

[other docs]: https://example.org/other
[the docs]: https://example.org/docs
"""


@pytest.fixture
def changelog() -> Any:
    """Return the script as a module."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader = SourceFileLoader("changelog", str(PATH))
        spec = spec_from_loader("changelog", loader)
        assert spec is not None
        module = module_from_spec(spec)
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a project at version 1.2.0."""
    (tmp_path / "historian").mkdir()
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def at(root: Path, version: str) -> Path:
    (root / "historian" / "__init__.py").write_text(f'"""Doc."""\n\nfrom . import core\n\n__version__ = "{version}"\n')
    return root


def test_the_notes_are_what_the_section_says(changelog: Any, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert changelog.main(["1.2.0"], at(root, "1.2.0")) == 0
    assert capsys.readouterr() == (
        "### Added\n\n- Something, see [the docs].\n\n[the docs]: https://example.org/docs\n",
        "",
    )


@pytest.mark.parametrize(
    ("package", "tag", "reason"),
    [
        ("1.2.0", "1.2.1", "the package has version 1.2.0, not 1.2.1"),
        ("1.2.0", "v1.2.0", "the package has version 1.2.0, not v1.2.0"),
        ("1.2.1", "1.2.1", "no section '## [1.2.1] - YYYY-MM-DD'"),
        ("1.1.0", "1.1.0", "the section of 1.1.0 in CHANGELOG.md bears no date"),  # the 31st of February is not a date
        ("1.0.1", "1.0.1", "the section of 1.0.1 in CHANGELOG.md bears no date"),
        ("1.0.0", "1.0.0", "the section of 1.0.0 in CHANGELOG.md is empty"),
    ],
)
def test_what_does_not_agree_is_no_release(
    changelog: Any, root: Path, capsys: pytest.CaptureFixture[str], package: str, tag: str, reason: str
) -> None:
    assert changelog.main([tag], at(root, package)) == 1
    printed, error = capsys.readouterr()
    assert (printed, reason in error) == ("", True), error


def test_as_a_command_it_reads_this_project() -> None:
    run = [sys.executable, str(PATH)]
    assert subprocess.run(run, capture_output=True).returncode == 2
    done = subprocess.run([*run, "0.0.0"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"the package has version {historian.__version__}, not 0.0.0" in done.stderr


def test_the_workflow_publishes_after_that_check_only() -> None:
    workflow = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    jobs = dict(re.findall(r"^  (\w+):\n((?:    .*\n|\n)+)", workflow.partition("\njobs:\n")[2], re.MULTILINE))
    assert list(jobs) == ["check", "build", "publish", "announce"]
    assert '.ci/changelog "${GITHUB_REF_NAME#v}"' in jobs["check"]
    for before, after in zip(list(jobs), list(jobs)[1:]):
        assert f"    needs: {before}\n" in jobs[after]
    assert [name for name, job in jobs.items() if "id-token: write" in job] == ["publish"]
    assert [name for name, job in jobs.items() if "contents: write" in job] == ["announce"]
