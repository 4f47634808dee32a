"""The conditions of a run: processor, system, versions, commit."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from historian._core import SIMD

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.txt"


def about() -> dict[str, Any]:
    """Return the conditions by name."""
    versions = {"numpy": importlib.metadata.version("numpy")}
    for name in peers():
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "processor": processor(),
        "simd": SIMD,  # the instructions for scanning arrays
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version() + free_threaded(),
        "compiler": platform.python_compiler(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,  # mean of the minute before
        "commit": commit(),
        "versions": versions,
    }


def peers() -> list[str]:
    """Return the distributions that requirements.txt names."""
    lines = (line.split("#")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def processor() -> str:
    """Return the name of the processor, without trade marks."""
    if os.path.exists("/proc/cpuinfo"):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def free_threaded() -> str:
    """Return "t" for a Python without the GIL, as in its name."""
    return "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""


def commit() -> str | None:
    """Return git's description of the sources; None outside a checkout."""
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
    """Return the file name of the results for this kind of machine."""
    python = ".".join(platform.python_version_tuple()[:2]) + free_threaded()
    words = re.sub(r"\(\w+\)|@.*|\bprocessor\b|\bcpu\b", " ", processor().lower())
    name = "-".join(re.findall(r"\w+", words)[:3])
    return f"{platform.python_implementation()}-{python}-{platform.system()}-{platform.machine()}-{name}-{SIMD}".lower()
