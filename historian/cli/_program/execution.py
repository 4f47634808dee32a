"""A program runs as Python would run it: a script, a folder or zip file with a ``__main__.py``, or a module.

`__main__`, `sys.argv` and `sys.path` are as they would be without ``historian run``.  Tracebacks begin in the program.
"""

from __future__ import annotations

import builtins
import importlib.machinery
import importlib.util
import os
import sys
import types

from .._near import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from importlib.machinery import ModuleSpec
    from typing import Any

    _Variables = Callable[[types.ModuleType], MutableMapping[str, Any]]

__all__ = ["ProgramError", "execute", "find_module", "find_script", "report_exception"]


class ProgramError(Exception):
    """There is no such program, or it cannot be read.  The message says why; `status` is the exit status of Python."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def find_script(words: list[str]) -> tuple[types.CodeType, types.ModuleType]:
    """Return the code of a script, and the module `__main__` for it.  Raises ProgramError, SyntaxError.

    The arguments become those of the program.
    """
    script = words[0]
    sys.argv[:] = words
    if os.path.isdir(script) or _is_archive(script):
        _put_first(os.path.join(os.getcwd(), script))
        spec = importlib.machinery.PathFinder.find_spec("__main__", sys.path[:1])
        if spec is None:
            raise ProgramError(f"can't find '__main__' module in {script!r}", 1)
        return _code_of(spec, "__main__"), _main_module(spec, "")
    path = os.path.join(os.getcwd(), script)  # not normalised, as Python does
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise ProgramError(f"can't open file {path!r}: {error.strerror or error}", 2) from None
    _put_first(os.path.dirname(os.path.realpath(path)))
    loader = importlib.machinery.SourceFileLoader("__main__", path)
    main = types.ModuleType("__main__")
    main.__file__, main.__loader__, main.__builtins__ = path, loader, builtins  # type: ignore[attr-defined]
    main.__dict__.update(__spec__=None, __package__=None, __cached__=None)
    if script.endswith(".pyc"):
        found = importlib.machinery.SourcelessFileLoader("__main__", path).get_code("__main__")
        assert found is not None
        return found, main
    return compile(data, path, "exec", dont_inherit=True), main


def find_module(words: list[str]) -> tuple[types.CodeType, types.ModuleType]:
    """Return the code of a module, as ``python -m`` finds it, and the module `__main__` for it.

    The packages that it is in are imported.  Raises ProgramError, and what their import raises.
    """
    name = words[0]
    sys.argv[:] = ["-m", *words[1:]]
    _put_first(os.getcwd())
    spec = _find_spec(name)
    if spec is not None and spec.submodule_search_locations is not None:
        package, spec = spec, _find_spec(f"{name}.__main__")
        if spec is None:
            raise ProgramError(f"{package.name!r} is a package and cannot be directly executed: it has no __main__", 1)
    if spec is None:
        raise ProgramError(f"no module named {name}{did_you_mean(name, _modules_near(name))}", 1)
    code = _code_of(spec, spec.name)
    main = _main_module(spec, spec.parent or "")
    sys.argv[0] = spec.origin or name
    return code, main


def execute(code: types.CodeType, main: types.ModuleType, variables: _Variables | None) -> None:
    """Run a program, with its variables in `main`, or in what `variables` returns for it."""
    sys.modules["__main__"] = main
    if variables is None:
        exec(code, vars(main))
    else:
        exec(code, vars(main), variables(main))


def report_exception(error: BaseException) -> None:
    """Print an exception as Python does, from the first frame of the program on."""
    trace, own = error.__traceback__, os.path.join(os.path.dirname(os.path.dirname(__file__)), "")
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(own):
        trace = trace.tb_next
    error.__traceback__ = trace
    sys.excepthook(type(error), error, trace)


def _is_archive(path: str) -> bool:
    import zipfile

    return os.path.isfile(path) and not path.endswith((".py", ".pyw", ".pyc")) and zipfile.is_zipfile(path)


def _put_first(folder: str) -> None:
    """Put a folder in the place of the first one of `sys.path`, which is that of the ``historian`` command."""
    if not getattr(sys.flags, "safe_path", False):  # with it, Python has not put any there
        sys.path[:1] = [folder]


def _find_spec(name: str) -> ModuleSpec | None:
    """Return the spec of a module, or None if there is none.  Raises what the import of its packages raises."""
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            return None  # one of its packages is not there
        raise
    except ValueError:  # a module that is imported already, and has no spec
        return None


def _code_of(spec: ModuleSpec, name: str) -> types.CodeType:
    get_code = getattr(spec.loader, "get_code", None)
    code = get_code(name) if get_code is not None else None
    if code is None:
        raise ProgramError(f"no code object available for {name}", 1)
    found: types.CodeType = code
    return found


def _main_module(spec: ModuleSpec, package: str) -> types.ModuleType:
    main = types.ModuleType("__main__")
    vars(main).update(
        __spec__=spec, __package__=package, __loader__=spec.loader, __file__=spec.origin, __cached__=spec.cached,
        __builtins__=builtins,
    )  # fmt: skip
    return main


def _modules_near(name: str) -> list[str]:
    """Return the names of modules beside the one that was asked for."""
    import pkgutil

    package, _, _ = name.rpartition(".")
    if not package:
        return [*sys.stdlib_module_names, *(found.name for found in pkgutil.iter_modules())]
    spec = _find_spec(package)
    folders = spec.submodule_search_locations if spec is not None else None
    return [f"{package}.{found.name}" for found in pkgutil.iter_modules(folders)] if folders else []
