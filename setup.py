"""Build the compiled core; everything else about the package is in pyproject.toml.

HISTORIAN_SANITIZE=address,undefined or =thread builds it under those sanitizers.
HISTORIAN_WERROR=1 makes the warnings of gcc and clang errors.
"""

import glob
import os
import sys
import sysconfig

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

# State and types of its own for each interpreter of a process that imports the core. It costs a look-up wherever one of
# its objects is made. Not before 3.12, when interpreters got a GIL of their own, nor where there is no GIL, as threads
# then do what interpreters are for. Lists of freed objects would cost more look-ups than they save, and never be freed.
own_state = []
if sys.version_info >= (3, 12) and not sysconfig.get_config_var("Py_GIL_DISABLED"):
    own_state = [("CYTHON_USE_MODULE_STATE", "1"), ("CYTHON_USE_TYPE_SPECS", "1"), ("CYTHON_USE_FREELISTS", "0")]

core = Extension(
    "historian._core",
    ["historian/_core.pyx"],
    depends=sorted(glob.glob("historian/_native/*")),
    define_macros=own_state,
    extra_compile_args=compile_args,
    extra_link_args=link_args,
)
setup(ext_modules=cythonize([core]), options=options)
