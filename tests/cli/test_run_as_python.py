"""``historian run`` runs a program as python would: arguments, paths, tracebacks, exit status; then a profile."""

import json
import os
import sys
import zipfile
from pathlib import Path

import pytest
from program_run import WAYS, Run, by_python, folder_with_shop, posix, script

ABOUT = """
import json, pickle, sys
class Local: pass
main = sys.modules["__main__"]
print(json.dumps([
    __name__, sys.argv, sys.path[0], __file__, __package__, __spec__ and __spec__.name, vars(main) is globals(),
    type(__loader__).__name__, __builtins__ is __import__("builtins"), pickle.loads(pickle.dumps(Local)) is Local,
    sorted(set(globals()) - {"__annotations__"}), main.__doc__,
]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_with_shop(tmp_path)


@pytest.mark.parametrize("by", WAYS)
@pytest.mark.parametrize(
    "words",
    [
        ["app.py", "--time", "x", "-m"],
        ["./app.py"],
        ["-m", "app", "a"],
        ["-m", "tool"],
        ["-m", "tool.sub", "b"],
        ["tool"],
        ["linked.py"],
        ["tool.zip", "c"],
    ],
    ids=" ".join,
)
def test_main_arguments_and_path_are_those_of_python(folder: Path, by: str, words: list[str]) -> None:
    script(folder, ABOUT)
    (folder / "tool").mkdir()
    for name in ("__init__.py", "__main__.py", "sub.py"):
        script(folder, ABOUT if name != "__init__.py" else "", f"tool/{name}")
    if words == ["linked.py"]:
        try:
            os.symlink(os.path.join("tool", "sub.py"), folder / "linked.py")
        except OSError:
            pytest.skip("links cannot be created here")
    with zipfile.ZipFile(folder / "tool.zip", "w") as archive:
        archive.writestr("__main__.py", ABOUT)
    expected = by_python(folder, *words)
    assert expected.returncode == 0, expected.stderr
    run = Run(folder, "--by", by, "--time", "__main__:x*", *words)
    assert json.loads(run.out) == json.loads(expected.stdout)
    assert run.status == 0


@pytest.mark.skipif(sys.version_info < (3, 11), reason="-P came with Python 3.11")
def test_with_a_safe_path_no_folder_is_put_first(folder: Path) -> None:
    script(folder, "import sys; print(sys.path)")
    assert Run(folder, "app.py", python=("-P",)).out == by_python(folder, "app.py", python=("-P",)).stdout


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit()", 0),
        ("import sys; sys.exit('why')", 1),
        ("raise SystemExit(True)", 1),
        ("1/0", 1),
        ("import os; os.getcwd(1)", 1),
        ("def f(:", 1),
        ("import sys; sys.excepthook = lambda *error: print(error[0].__name__)\n1/0", 1),
        ("import sys; sys.stdout.close()", 0),
        ("import sys; sys.stdout = None", 0),
        ("class E(Exception): pass\ntry:\n    1/0\nexcept ZeroDivisionError as e:\n    raise E('x') from e", 1),
    ],
)
@pytest.mark.parametrize("by", WAYS)
def test_exits_and_tracebacks(folder: Path, text: str, status: int, by: str) -> None:
    app = script(folder, text)
    expected = by_python(folder, app)
    assert expected.returncode == status
    run = Run(folder, "--by", by, "--time", "__main__:none", app)
    assert (run.status, run.out) == (expected.returncode, expected.stdout)
    assert run.err.startswith(expected.stderr)
    assert "nothing recorded yet" in run.err  # the profile is printed all the same


def test_programs_that_cannot_be_run(folder: Path) -> None:
    run = Run(folder, "nothing.py")
    assert run.err == f"historian run: can't open file {str(folder / 'nothing.py')!r}: No such file or directory\n"
    assert run.status == by_python(folder, "nothing.py").returncode == 2
    run = Run(folder, "-m", "shop.dp")
    assert (run.err, run.status) == ("historian run: no module named shop.dp; did you mean 'shop.db'?\n", 1)
    run = Run(folder, "-m", "shop")
    why = "'shop' is a package and cannot be directly executed: it has no __main__"
    assert (run.err, run.status) == (f"historian run: {why}\n", 1)
    run = Run(folder, "-m", "sys")
    assert (run.status, run.messages) == (1, ["no code object available for sys"])
    run = Run(folder, "shop")
    assert (run.status, run.messages) == (1, ["can't find '__main__' module in 'shop'"])


@posix
def test_an_interrupt(folder: Path) -> None:
    app = script(folder, "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport time; time.sleep(60)\n")
    run = Run(folder, "--time", "__main__:f", app)
    assert run.status == 130
    assert "KeyboardInterrupt" in run.err
    assert "nothing recorded yet" in run.err


@posix
def test_the_profile_comes_last_and_once(folder: Path) -> None:
    app = script(
        folder,
        """
import atexit, os, sys, threading
from shop import db

def late():
    event.wait()
    db.query(1)
    print("thread", file=sys.stderr)

event = threading.Event()
atexit.register(lambda: print("exit handler", file=sys.stderr))
if os.fork() == 0:
    sys.exit(5)  # its exit handlers run, too
os.wait()
threading.Thread(target=late).start()
event.set()
""",
    )
    run = Run(folder, "--time", "shop.db:query", app)
    lines = [line.split("  ")[0] for line in run.err.splitlines() if "DeprecationWarning" not in line]
    order = ["exit handler", "thread", "exit handler", "", "operation (us)", "shop.db:query"]
    shown = [line for line in lines if line in order or line.startswith("operation")]
    shown = ["operation (us)" if line.startswith("operation") else line for line in shown]
    assert shown[: len(order)] == order
    assert run.counts == {"shop.db:query": 1}
