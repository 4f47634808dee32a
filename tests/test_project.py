"""The project as a package index shows it: the packages of its extras, and working links."""

import importlib
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
TOOLS = ("docs", "test", "test-engines", "dev")  # extras for developers of historian
ENGINES = ("arrow", "dask", "duckdb", "polars", "ray", "spark")  # extras for those who have data there
#: The allowed beginnings of links from README.md into the repository.
FILES = re.compile(
    r"https://(?:github\.com/([\w-]+/[\w-]+)/(?:blob|tree|raw)|raw\.githubusercontent\.com/([\w-]+/[\w-]+))/main/"
)
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """Return the project's table of pyproject.toml."""
    tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")  # pytest needs tomli
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def brought(extras: dict[str, list[str]], name: str) -> set[str]:
    """Return the packages of an extra, including those of the extras that it names."""
    found: set[str] = set()
    for requirement in map(Requirement, extras[name]):
        if requirement.name == "latency-historian":
            assert requirement.extras
            found = found.union(*(brought(extras, other) for other in requirement.extras))
        else:
            found.add(canonicalize_name(requirement.name))
    return found


def imported(*places: Path) -> set[str]:
    """Return the names of the packages that Python files import, ask pytest for, or run with -m."""
    found: set[str] = set()
    known = packages_distributions()  # once: it reads what all installed packages list
    for path in places:
        text = path.read_text(encoding="utf-8")
        for module in re.findall(r"^\s*(?:from|import) ([\w.]+)", text, re.MULTILINE):
            parts = module.split(".")  # packages of one namespace are named after their folders
            found.update("-".join(parts[:n]) for n in range(1, len(parts) + 1))
        found.update(re.findall(r'importorskip\("(\w+)', text) + re.findall(r'"-m", "(\w+)"', text))
    return {canonicalize_name(package) for name in found for package in known.get(name, [name])}


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py")]


def test_no_extra_is_empty_and_all_is_the_union_of_those_for_users(project: dict[str, Any]) -> None:
    extras = project["optional-dependencies"]
    for_users = set(extras) - {*TOOLS, *ENGINES, "all"}
    assert for_users
    assert all(brought(extras, name) for name in extras)
    assert brought(extras, "all") == set().union(*(brought(extras, name) for name in for_users))
    assert brought(extras, "all") <= brought(extras, "test") <= brought(extras, "dev")
    assert brought(extras, "all") <= brought(extras, "docs")


def test_environments_for_tests_do_not_install_what_builds_the_site(project: dict[str, Any]) -> None:
    extras = project["optional-dependencies"]
    builders = brought(extras, "docs").difference(*(brought(extras, name) for name in ("all", *ENGINES)))
    assert {"sphinx", "furo", "myst-nb"} == builders
    assert not builders & brought(extras, "test")
    configuration = (ROOT / "docs" / "conf.py").read_text(encoding="utf-8")
    assert [tool for tool in builders if not re.search(rf"\b{tool}\b", configuration.replace("_", "-"))] == []


def test_what_extras_bring_is_imported(project: dict[str, Any]) -> None:
    extras = project["optional-dependencies"]
    by_package, by_tests = imported(*python_files("historian")), imported(*python_files("tests"), ROOT / "setup.py")
    assert {canonicalize_name(Requirement(line).name) for line in project["dependencies"]} <= by_package
    assert brought(extras, "all").union(*(brought(extras, name) for name in ENGINES if name in extras)) <= by_package
    # tzdata is the data of zoneinfo: nothing imports it.
    assert brought(extras, "test") - {"tzdata"} <= by_package | by_tests
    configured = [ROOT / name for name in ("noxfile.py", ".pre-commit-config.yaml", "CONTRIBUTING.md")]
    commands = "".join(path.read_text(encoding="utf-8") for path in configured)
    for tool in brought(extras, "dev") - brought(extras, "test"):
        assert re.search(rf"\b{tool}\b", commands), tool


def test_messages_that_name_an_extra_name_one_that_exists(project: dict[str, Any]) -> None:
    texts = [path.read_text(encoding="utf-8") for path in [*python_files("historian"), *PAGES]]
    named = {extra for text in texts for extra in re.findall(r"latency-historian\[(\w+)\]", text)}
    assert "cli" in named
    assert named <= set(project["optional-dependencies"])


def links(page: Path) -> Iterator[str]:
    """Yield the targets of a page's links and pictures."""
    text = re.sub(r"^```.*?^```|`[^`\n]+`", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"\]\(<?([^)>\s]+)", text)
    yield from re.findall(r"(?:src|srcset|href)=[\"']([^\"'\s]+)", text)
    defined = dict(re.findall(r"^\[([^\]]+)\]:\s*(\S+)", text, re.MULTILINE))
    yield from defined.values()
    used = {second or first for first, second in re.findall(r"\[([^\[\]]+)\](?:\[([^\]]+)\])?(?![(:])", text)}
    assert set(defined) <= used
    assert {name for name in used if re.search(r"\.\w+$", name)} <= set(defined)


def test_links_of_the_readme_work_on_a_package_index(project: dict[str, Any]) -> None:
    source = project["urls"]["Source"]
    here = source.removeprefix("https://github.com/")
    found = list(links(ROOT / "README.md"))
    assert [link for link in found if not link.startswith(("https://", "#"))] == []
    files = {link[match.end() :] for link in found if (match := FILES.match(link)) and here in match.groups()}
    assert "docs/stability.md" in files
    assert [name for name in files if not (ROOT / name.partition("#")[0]).exists()] == []
    ours = [link for link in found if "historian" in link]
    assert [link for link in ours if not link.startswith(f"{source}/") and not FILES.match(link)] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "README.md"], ids=lambda page: page.name)
def test_relative_links_of_the_pages_lead_to_files(page: Path) -> None:
    found = [link for link in links(page) if not link.startswith(("https://", "#"))]
    assert [link for link in found if not (page.parent / link.partition("#")[0]).exists()] == []


def test_urls_lie_in_one_repository_and_lead_to_what_is_there(project: dict[str, Any]) -> None:
    urls = dict(project["urls"])
    source = urls["Source"]
    assert set(urls) == {"Source", "Documentation", "Changelog", "Issues"}
    assert urls.pop("Issues") == f"{source}/issues"
    assert all(url.startswith(source) for url in urls.values())
    files = [FILES.sub("", url) for url in urls.values() if url != source]
    assert files == ["docs", "CHANGELOG.md"]
    assert all((ROOT / name).exists() for name in files)
    assert f"{source}/security/advisories/new" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_what_is_tested_on_one_python_exists() -> None:
    lines = (ROOT / ".ci" / "once").read_text(encoding="utf-8").splitlines()
    listed = [line for line in lines if line and not line.startswith("#")]
    assert listed
    for line in listed:
        path, _, name = line.partition("::")
        assert (ROOT / "tests" / path).exists(), line
        assert not name or f"def {name}(" in (ROOT / "tests" / path).read_text(encoding="utf-8"), line
