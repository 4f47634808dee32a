"""`environment`: what must be the same, so that two runs can be compared: the machine, the interpreter."""

from __future__ import annotations

import os
import platform
import sys
import sysconfig

__all__ = ["differences", "environment"]


def environment() -> dict[str, str]:
    """Return a description of the machine and the interpreter."""
    gil = "without the GIL" if sysconfig.get_config_var("Py_GIL_DISABLED") else "with the GIL"
    return {
        "python": f"{platform.python_implementation()} {sys.version_info[0]}.{sys.version_info[1]}, {gil}",
        "system": f"{platform.system()} on {platform.machine()}",
        "processor": f"{os.cpu_count()} times {_processor()}",
    }


def differences(saved: dict[str, str], here: dict[str, str]) -> list[str]:
    """Return what differs, as texts; [] if runs can be compared.

    >>> differences({"python": "CPython 3.12"}, {"python": "CPython 3.13"})
    ['python is CPython 3.13, not CPython 3.12']
    """
    names = dict.fromkeys([*saved, *here])
    return [f"{n} is {here.get(n)}, not {saved.get(n)}" for n in names if saved.get(n) != here.get(n)]


def _processor() -> str:
    """Return the name of the processor."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as stream:
            for line in stream:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or "unknown"
