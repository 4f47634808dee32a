"""Build the compiled core; everything else about the package is in pyproject.toml.

HISTORIAN_SANITIZE=address,undefined or =thread builds it under those sanitizers.
HISTORIAN_WERROR=1 makes the warnings of gcc and clang errors.
"""

import glob
import os
import sys

from Cython.Build import cythonize
from setuptools import Extension, setup

sanitize = os.environ.get("HISTORIAN_SANITIZE")
unix = sys.platform != "win32"
compile_args = ["-O3", "-fno-strict-aliasing"] if unix else ["/O2"]
link_args = []
options = {}
if sanitize:
    compile_args = [f"-fsanitize={sanitize}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g", "-O1"]
    link_args = [f"-fsanitize={sanitize}"]
    options = {"build": {"build_base": f"build/{sanitize}"}}  # objects of another build would be reused
if os.environ.get("HISTORIAN_WERROR") == "1" and unix:
    compile_args += ["-Wall", "-Wextra", "-Werror"]

core = Extension(
    "historian._core",
    ["historian/_core.pyx"],
    depends=sorted(glob.glob("historian/_native/*")),
    extra_compile_args=compile_args,
    extra_link_args=link_args,
)
setup(ext_modules=cythonize([core]), options=options)
