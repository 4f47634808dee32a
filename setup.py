"""Build the compiled core; everything else about the package is in pyproject.toml.

HISTORIAN_SANITIZE=address,undefined or =thread builds it under those sanitizers.
HISTORIAN_FREE_THREADED=1 has it rely on no GIL, as on free-threaded builds, though the interpreter may have one.
HISTORIAN_WERROR=1 makes the warnings of gcc and clang errors.
"""

import glob
import os
import shutil
import sys
import sysconfig

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

sanitize = os.environ.get("HISTORIAN_SANITIZE")
free_threaded = os.environ.get("HISTORIAN_FREE_THREADED") == "1"
unix = sys.platform != "win32"
compile_args = ["-O3", "-fno-strict-aliasing"] if unix else ["/O2"]
link_args = []
options = {}
made = "build"  # where Cython puts what it makes
if sanitize:
    compile_args = [f"-fsanitize={sanitize}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g", "-O1"]
    link_args = [f"-fsanitize={sanitize}"]
if os.environ.get("HISTORIAN_WERROR") == "1" and unix:
    compile_args += ["-Wall", "-Wextra", "-Werror"]
special = "-".join(filter(None, [sanitize, "free-threaded" if free_threaded else None]))
if special:  # such a core is for one purpose, and must not stay behind in the source tree
    made = f"build/{special}"
    options = {"build": {"build_base": made}}  # objects of another build would be reused


class BuildCore(build_ext):
    """Build the core, and put a copy of it beside its sources.

    Python looks in the current folder first. Without that copy, ``import historian`` would fail in the root of a
    checkout after ``pip install .``, and work everywhere else.
    """

    def run(self) -> None:
        """Build; then copy, unless setuptools does so itself (``pip install -e``), or the build is a special one."""
        super().run()
        if self.inplace or special:
            return
        try:
            self.copy_extensions_to_source()
        except OSError as error:  # a tree that is read-only, or a core that Windows has loaded
            self.warn(f"the core is not copied to the source tree, where an older one may be left: {error}")

    def copy_extensions_to_source(self) -> None:
        """Replace what is there, be it older or newer, in one step: a process that runs keeps the core it has."""
        for extension in self.extensions:
            path = self.get_ext_filename(extension.name)
            new = f"{path}.{os.getpid()}.tmp"
            try:
                shutil.copy2(os.path.join(self.build_lib, path), new)
                os.replace(new, path)
            finally:
                if os.path.exists(new):
                    os.remove(new)


# State and types of its own for each interpreter of a process that imports the core. It costs a look-up wherever one of
# its objects is made. Not before 3.12, when interpreters got a GIL of their own, nor where there is no GIL, as threads
# then do what interpreters are for. Lists of freed objects would cost more look-ups than they save, and never be freed.
own_state = []
if sys.version_info >= (3, 12) and not sysconfig.get_config_var("Py_GIL_DISABLED"):
    own_state = [("CYTHON_USE_MODULE_STATE", "1"), ("CYTHON_USE_TYPE_SPECS", "1"), ("CYTHON_USE_FREELISTS", "0")]

core = Extension(
    "historian._core",
    ["historian/_core.pyx"],
    include_dirs=["historian"],  # of the headers, since the C file lies elsewhere
    depends=sorted(glob.glob("historian/_native/*")),
    define_macros=own_state + ([("HISTORIAN_FREE_THREADED", "1")] if free_threaded else []),
    extra_compile_args=compile_args,
    extra_link_args=link_args,
)
setup(ext_modules=cythonize([core], build_dir=made), options=options, cmdclass={"build_ext": BuildCore})
