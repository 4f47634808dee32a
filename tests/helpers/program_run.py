"""What tests of ``historian run`` share: programs, ways to time them, and what a run has printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

MONITORING = pytest.param(
    "monitoring", marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with Python 3.12")
)
WAYS = ["wrapping", MONITORING]
posix = pytest.mark.skipif(sys.platform == "win32", reason="this system has no fork")

SHOP = """
import asyncio
import contextlib
import functools
import time

def query(n):
    if n == 3:
        raise KeyError(n)
    return n

def slow():
    end = time.perf_counter() + 0.05
    while time.perf_counter() < end:
        pass

def fact(n):
    return 1 if n < 2 else n * fact(n - 1)

class Table:
    def get(self, n):
        return n
    @classmethod
    def make(cls):
        return cls()
    @staticmethod
    def name():
        return "users"
    @property
    def size(self):
        return 3
    class Row:
        def read(self):
            return 1

def rows(n):
    for i in range(n):
        yield i

async def fetch():
    await asyncio.sleep(0.01)
    return 1

async def stream():
    for i in range(3):
        await asyncio.sleep(0)
        yield i

async def fails():
    await asyncio.sleep(0)
    raise OSError("no")

@contextlib.contextmanager
def block():
    yield 1

def kept(n):
    return (lambda: n)()

same = kept
"""


class Run:
    """A run of ``historian run``."""

    def __init__(
        self, folder: Path, *words: str, env: dict[str, str] | None = None, python: tuple[str, ...] = ()
    ) -> None:
        command = [sys.executable, *python, "-m", "historian", "run", *words]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, **(env or {})})
        self.out, self.err, self.status = done.stdout, done.stderr, done.returncode

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of calls by name, as the profile shows it."""
        found = re.findall(r"^(\S+)(?: +[\d,.e+-]+){7} +([\d,]+) +[\d,.e+-]+$", self.err, re.MULTILINE)
        return {name: int(count.replace(",", "")) for name, count in found}

    @property
    def messages(self) -> list[str]:
        return re.findall("^historian run: (.*)$", self.err, re.MULTILINE)


def folder_with_shop(folder: Path) -> Path:
    """Return a folder with a package of functions to be timed."""
    (folder / "shop").mkdir()
    (folder / "shop" / "__init__.py").touch()
    (folder / "shop" / "db.py").write_text(SHOP, encoding="utf-8")
    return folder


def script(folder: Path, text: str, name: str = "app.py") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return name


def by_python(folder: Path, *words: str, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *python, *words], cwd=folder, capture_output=True, text=True)
