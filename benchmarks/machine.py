"""What the figures depend on: processor, system, versions, commit."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

from historian._core import SIMD

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.txt"


def about() -> dict[str, Any]:
    """Return them by name."""
    versions = {"numpy": importlib.metadata.version("numpy")}
    for name in peers():
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "processor": processor(),
        "simd": SIMD,  # what arrays are scanned with
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "compiler": platform.python_compiler(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,  # of the last minute, at the start
        "commit": commit(),
        "versions": versions,
    }


def peers() -> list[str]:
    """Return the distributions that requirements.txt names."""
    lines = (line.split("#")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def processor() -> str:
    """Return what the processor calls itself, without what it may call a trade mark."""
    if os.path.exists("/proc/cpuinfo"):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def commit() -> str | None:
    """Return what git calls the sources; None outside of a checkout."""
    try:
        git = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude=*"],
            cwd=HERE,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return git.stdout.strip() or None


def key() -> str:
    """Return the name of the results of this kind of machine."""
    python = ".".join(platform.python_version_tuple()[:2])
    words = re.sub(r"\(\w+\)|@.*|\bprocessor\b|\bcpu\b", " ", processor().lower())
    name = "-".join(re.findall(r"\w+", words)[:3])
    return f"{platform.python_implementation()}-{python}-{platform.system()}-{platform.machine()}-{name}-{SIMD}".lower()
