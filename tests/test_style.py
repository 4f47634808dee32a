"""What the linters do not check: the length of lines that are not Python, and phrases that readers stumble over."""

import re
from pathlib import Path

import pytest

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


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_there_are_texts_to_look_at() -> None:
    names = {path.name for path in TEXTS}
    assert {"_core.pyx", "_core.pxd", "_core.pyi", "counters.pxi", "bucket.h", "recorder.py", "README.md"} <= names


@pytest.mark.parametrize("path", NATIVE, ids=lambda path: path.name)
def test_lines_have_at_most_120_columns(path: Path) -> None:
    long = [f"{path}:{n}: {len(line)} columns" for n, line in enumerate(lines(path), 1) if len(line) > 120]
    assert not long


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
