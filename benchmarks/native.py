"""Compile benchmarks/*.pyx, with the flags of the core, and import them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SETUP = """
import sys
from setuptools import Extension, setup
name, include = sys.argv.pop(1), sys.argv.pop(1)
flags = ["-O3", "-fno-strict-aliasing"] if sys.platform != "win32" else ["/O2"]
setup(name=name, ext_modules=[Extension(name, [name + ".c"], include_dirs=[include], extra_compile_args=flags)])
"""


def build(name: str) -> Any:
    """Compile benchmarks/`name`.pyx in a temporary folder and return the module."""
    import historian

    include = historian.get_include()
    with tempfile.TemporaryDirectory() as folder:
        source, generated = HERE / f"{name}.pyx", Path(folder, f"{name}.c")
        cython = [
            sys.executable,
            "-m",
            "cython",
            "-3",
            "-I",
            str(Path(include).parent),
            str(source),
            "-o",
            str(generated),
        ]
        subprocess.run(cython, check=True)
        command = [sys.executable, "-c", SETUP, name, include, "-q", "build_ext", "--inplace"]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
        spec = importlib.util.spec_from_file_location(name, Path(folder, name + sysconfig.get_config_var("EXT_SUFFIX")))
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return module
