"""The layers of the package: a module imports only from rooms that come before its own on the way of a value."""

import ast
import re
from pathlib import Path

import pytest

import historian

PACKAGE = Path(historian.__file__).parent

#: The rooms, in the order in which a value passes through them.  Each may import from the rooms before it.
ROOMS = [
    "_core",
    "buckets",
    "_values",
    "_show",
    "_stats",
    "tail",
    "formats",
    "plot",
    "histogram",
    "groups",
    "_compare",
    "queueing",
    "_files",
    "_live",
    "_history",
    "history",
    "recording",
    "registry",
    "meters",
    "snapshot",
    "web",
    "engines",
    "__init__",
    "formats of others",
    "applications",
    "cli",
    "__main__",
]


def module_name(path: Path) -> str:
    """Return ``tail.fanout`` for tail/fanout.py, ``tail`` for its __init__.py, ``__init__`` for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(name: str, path: Path) -> set[str]:
    """Return the modules of the package that a module imports: at its top, within functions, and for types alone."""
    package = list(path.relative_to(PACKAGE).parts[:-1])
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] == "historian"):
            base = package[: len(package) + 1 - node.level] if node.level else []
            base += (node.module or "").split(".")[0 if node.level else 1 :] if node.module else []
            for alias in node.names:
                inner = ".".join([*base, alias.name])
                found.add(
                    inner if inner in MODULES else ".".join(base) or ("_core" if alias.name == "_core" else "__init__")
                )
        elif isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] == "historian" for alias in node.names), (
                f"{name}: import from . instead"
            )
    return found - {name}


ARROWS = {name: imports(name, path) for name, path in MODULES.items()}
#: It names the public formats, which are imported when they are first used.
for package in ("formats", "web", "engines"):
    ARROWS[package] = {other for other in ARROWS[package] if not other.startswith(f"{package}.")}


def room(name: str) -> str:
    """Return the room of a module.

    Those of public formats come late: they take and return histograms.  So do those of engines, and those of web, which
    need these formats.
    """
    parts = name.split(".")
    if parts[0] in ("web", "engines") and parts[1:]:
        return "applications"
    return "formats of others" if parts[0] == "formats" and parts[1:] and parts[1][0] != "_" else parts[0]


def test_every_room_is_on_the_map() -> None:
    assert {room(name) for name in MODULES} | {"_core"} == set(ROOMS)


def test_the_way_of_a_value_is_found() -> None:
    """Check that imports are found: otherwise the tests below would pass without checking anything."""
    assert "histogram" in ARROWS["_live.recorder"]  # at the top
    assert "tail.leaf" in ARROWS["histogram"]  # within a method
    assert "_stats.estimate" in ARROWS["histogram"]  # for types
    assert "buckets" in ARROWS["_values.base"]  # of a module


@pytest.mark.parametrize("name", MODULES)
def test_imports_lead_one_way(name: str) -> None:
    own = ROOMS.index(room(name))
    back = sorted(other for other in ARROWS[name] if ROOMS.index(room(other)) > own)
    assert not back, f"{name} imports what comes after it: {back}"


def test_no_circle_within_a_room() -> None:
    state: dict[str, str] = {}

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert state.get(name) != "open", f"a circle: {' -> '.join((*way, name))}"
        if name in state or name not in ARROWS:
            return
        state[name] = "open"
        for other in sorted(ARROWS[name]):
            visit(other, (*way, name))
        state[name] = "done"

    for name in MODULES:
        visit(name, ())


def test_the_map_of_tail_is_complete_and_in_order() -> None:
    """Each module is on the map once, and imports only modules that are above it."""
    listed = re.findall(r"^- `(\w+)`: ", MODULES["tail"].read_text(encoding="utf-8"), re.MULTILINE)
    modules = [name.removeprefix("tail.") for name in MODULES if name.startswith("tail.")]
    assert sorted(listed) == sorted(modules)
    for position, name in enumerate(listed):
        inner = {other.removeprefix("tail.") for other in ARROWS[f"tail.{name}"] if other.startswith("tail.")}
        assert inner <= set(listed[:position]), name


def test_the_folder_fits_on_one_screen() -> None:
    entries = {
        path.name
        for path in PACKAGE.iterdir()
        if path.suffix in {".py", ".pyi", ".pxd", ".pyx", ".typed"} or (path.is_dir() and path.name != "__pycache__")
    }
    assert len(entries | {"_core.pyx", "_core.pxd", "_core.pyi", "_native", "py.typed"}) <= 30  # lines of a terminal
