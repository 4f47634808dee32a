"""What the linters do not check: the length of lines that are not Python, and phrases that readers stumble over."""

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import historian

ROOT = Path(__file__).parents[1]
NATIVE = sorted(
    path
    for folder in ("historian", "tests", "benchmarks")
    for ending in ("pyx", "pxd", "pxi", "h", "c")
    for path in (ROOT / folder).rglob(f"*.{ending}")
    if path.name != "_core.c"  # generated
)
TEXTS = sorted(
    {
        *NATIVE,
        *(ROOT / "historian").rglob("*.py"),
        *(ROOT / "historian").rglob("*.pyi"),
        *(ROOT / "docs").rglob("*.md"),
        *ROOT.glob("*.md"),
    }
)

#: Phrases that many readers have to read twice, and what to write instead.
BANNED = {
    r"what (is|are) no \w+": "a value that is not a number",
    r"(is|are) no (number|int|bytes|text|histogram|printable)\b": "is not a number",
    r"\bwhoever\b": "a thread that, a user who",
    r"\banew\b": "again",
    r"\bas good as (0|none|nothing)\b": "nearly 0",
    r"\b(was|were|would be) none of\b": "did not have",
    r"\b(in|written in) a way of (its|their) own\b": "not encoded in the shortest way",
    r"\bbegins? as one does\b": "begin with the bytes",
    r"\bthe last there is\b": "the last bucket",
    r"\bthan there can be\b": "more than the maximum",
    r"\bfor as long as anybody\b": "while a process",
    r"\bis a term away\b": "the rank differs by one",
    r"\bkeep(s|ing)? the books\b": "records, saves",
    r"\bto be had\b": "available, free",
}


PACKAGE = Path(historian.__file__).parent
PRIVATE = {path.name.partition(".")[0] for path in PACKAGE.rglob("_[a-z]*")}
#: A name of a private module or folder.  `historian._core` is public for ``cimport``.
PRIVATE_MODULE = re.compile(rf"(?<!cimport historian\.)\b({'|'.join(sorted(PRIVATE))})\b")
PUBLIC_MODULES = sorted(
    ".".join(["historian", *(part for part in path.relative_to(PACKAGE).with_suffix("").parts if part != "__init__")])
    for path in PACKAGE.rglob("*.py")
    if not re.search(r"/_[a-z]|__main__", path.relative_to(PACKAGE.parent).as_posix())
)


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_there_are_texts_to_look_at() -> None:
    names = {path.name for path in TEXTS}
    assert {"_core.pyx", "_core.pxd", "_core.pyi", "counters.pxi", "bucket.h", "recorder.py", "README.md"} <= names


@pytest.mark.parametrize("path", NATIVE, ids=lambda path: path.name)
def test_lines_have_at_most_120_columns(path: Path) -> None:
    long = [f"{path}:{n}: {len(line)} columns" for n, line in enumerate(lines(path), 1) if len(line) > 120]
    assert not long


@pytest.mark.parametrize("path", [path for path in NATIVE if path.suffix in {".c", ".h"}], ids=lambda path: path.name)
def test_names_that_windows_defines_as_nothing(path: Path) -> None:
    code = re.sub(r'/\*.*?\*/|"[^"\n]*"', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not re.search(r"\b(near|far)\b", code)


@pytest.mark.parametrize("phrase", BANNED)
def test_phrases_to_avoid(phrase: str) -> None:
    # across the ends of lines, too, with the signs of comments between
    pattern = re.compile(phrase.replace(" ", r"(?:\s|[*#/])+"), re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]!r}; say: {BANNED[phrase]}"
        for path in TEXTS
        for text in [path.read_text(encoding="utf-8")]
        for match in pattern.finditer(text)
    ]
    assert not found


def public_docstrings(module: Any) -> Iterator[tuple[str, str]]:
    """Yield the names and docstrings of a module, of what its `__all__` names, and of the public members of classes."""
    yield module.__name__, module.__doc__ or ""
    for name in module.__all__:
        if f"{module.__name__}.{name}" in PUBLIC_MODULES:
            continue
        value = getattr(module, name)
        if callable(value):
            yield name, value.__doc__ or ""
        for member in dir(value) if inspect.isclass(value) else ():
            if not member.startswith("_"):
                yield f"{name}.{member}", getattr(inspect.getattr_static(value, member, None), "__doc__", None) or ""


def test_docstrings_are_found() -> None:
    found = dict(public_docstrings(historian))
    assert found["Histogram.quantile"].startswith("Return the q-quantile")
    assert found["Comparison.superiority"].startswith("The probability")
    assert {"historian.tail.fanout", "historian.cli.fanout", "historian.buckets"} <= set(PUBLIC_MODULES)
    assert {"_stats", "_native", "_core", "_bytes", "_top"} <= PRIVATE
    assert PRIVATE_MODULE.search("see `historian._stats.binomial`")
    assert not PRIVATE_MODULE.search("``cimport historian._core``")


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_public_docstrings_name_no_private_module(name: str) -> None:
    """Readers cannot look it up, and it may move: name the method, or the source of the formula."""
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        if "pip install 'latency-historian[" not in str(error):
            raise
        pytest.skip(str(error))
    found = [
        f"{where}: {match[0]}" for where, text in public_docstrings(module) for match in PRIVATE_MODULE.finditer(text)
    ]
    assert not found
