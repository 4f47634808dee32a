"""``historian run``: which calls are timed, both ways; its options, its messages."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from program_run import WAYS, Run, by_python, folder_with_shop, posix, script


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_with_shop(tmp_path)


# ---- what is timed ----


@pytest.mark.parametrize("by", WAYS)
def test_both_ways_count_the_same_calls(folder: Path, by: str) -> None:
    app = script(
        folder,
        """
import asyncio, contextlib
from shop import db

def work():
    for n in range(5):
        with contextlib.suppress(KeyError):
            db.query(n)

work()
db.fact(5)
table = db.Table.make()
table.get(1), table.get(2), table.name(), db.Table.name(), table.size, db.Table.Row().read()
list(db.rows(3))
a, b = db.rows(2), db.rows(2)
next(a), next(b), list(a), list(b)  # in turn
with db.block():
    pass
db.kept(1), db.same(2)

async def main():
    await asyncio.gather(*(db.fetch() for _ in range(4)))
    assert [n async for n in db.stream()] == [0, 1, 2]
    with contextlib.suppress(OSError):
        await db.fails()

asyncio.run(main())
""",
    )
    run = Run(folder, "--by", by, "--time", "shop.db:*", "--time", "__main__:work", "--time", "__main__:main", app)
    assert (run.out, run.status, run.messages) == ("", 0, [])
    kept = 1 if by == "wrapping" else 2  # the module has kept the function under another name
    assert run.counts == {
        "__main__:work": 1, "__main__:main": 1, "shop.db:query": 5, "shop.db:fact": 5, "shop.db:Table.make": 1,
        "shop.db:Table.get": 2, "shop.db:Table.name": 2, "shop.db:Table.size": 1, "shop.db:Table.Row.read": 1,
        "shop.db:rows": 3, "shop.db:block": 1, "shop.db:fetch": 4, "shop.db:stream": 1, "shop.db:fails": 1,
        "shop.db:kept": kept,
    }  # fmt: skip


TIMES = """
import asyncio, atexit, json, time
import historian
from shop import db

def look():
    found = {str(key): histogram.min for key, histogram in historian.default_registry.snapshot().items()}
    print(json.dumps(found))

atexit.register(look)
generator = db.rows(2)
next(generator)
db.slow()
list(generator)
asyncio.run(db.fetch())
"""


@pytest.mark.parametrize("by", WAYS)
def test_times_are_those_until_the_end_of_the_work(folder: Path, by: str) -> None:
    run = Run(folder, "--by", by, "--time", "shop.db:*", script(folder, TIMES))
    found = json.loads(run.out)
    assert found["shop.db:slow"] >= 0.05
    assert found["shop.db:rows"] >= 0.05  # from its first step to its last one
    assert found["shop.db:fetch"] >= 0.009  # it waited for 10 ms


@pytest.mark.parametrize("by", WAYS)
def test_generators_that_are_closed_before_their_end(folder: Path, by: str) -> None:
    app = script(
        folder,
        """
from shop import db

def guarded():
    try:
        yield 1
    finally:
        pass

for kind in (guarded, lambda: db.rows(5)):
    one = kind()
    next(one)
    one.close()
    one = kind()
    next(one)
    del one
one = db.rows(5)
next(one)
try:
    one.throw(ValueError)
except ValueError:
    pass
""",
    )
    run = Run(folder, "--by", by, "--time", "shop.db:rows", "--time", "__main__:guarded", app)
    # From Python 3.13 on, such a generator ends without another step, which sys.monitoring would see.
    is_seen = by == "wrapping" or sys.version_info < (3, 13)
    assert run.counts == {"__main__:guarded": 2, "shop.db:rows": 3 if is_seen else 1}


@pytest.mark.parametrize("by", WAYS)
def test_wildcards_and_single_names(folder: Path, by: str) -> None:
    app = script(folder, "from shop.db import *\nt = Table(); t.get(1); t.make(); query(1); fact(1); list(rows(1))\n")
    for pattern, expected in {
        "Table.*": {"Table.get", "Table.make"},
        "Table.g*": {"Table.get"},
        "?act": {"fact"},
        "[qr]*": {"query", "rows"},
    }.items():
        run = Run(folder, "--by", by, "--time", f"shop.db:{pattern}", app)
        assert set(run.counts) == {f"shop.db:{name}" for name in expected}, pattern
    again = Run(folder, "--by", by, "--time", "shop.db:*", "--time", "shop.db:fact", "--time", "shop.db:f*", app)
    assert again.counts["shop.db:fact"] == 1  # once, however many options mean it


@pytest.mark.parametrize("by", WAYS)
def test_threads_and_exceptions_through_recursion(folder: Path, by: str) -> None:
    app = script(
        folder,
        """
import threading
from shop import db

def deep(n):
    if not n:
        raise ValueError
    deep(n - 1)

def work():
    for n in range(200):
        db.fact(3)
        try:
            deep(3)
        except ValueError:
            pass

threads = [threading.Thread(target=work) for _ in range(4)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
""",
    )
    run = Run(folder, "--by", by, "--time", "shop.db:fact", "--time", "__main__:deep", app)
    assert run.counts == {"shop.db:fact": 4 * 200 * 3, "__main__:deep": 4 * 200 * 4}


@pytest.mark.parametrize("by", WAYS)
def test_functions_of_modules_that_are_imported_already(folder: Path, by: str) -> None:
    app = script(folder, "import shutil, json\nshutil.get_terminal_size()\njson.loads('1')\n")
    run = Run(folder, "--by", by, "--time", "shutil:get_terminal_size", "--time", "json:loads", app)
    assert run.counts == {"shutil:get_terminal_size": 1, "json:loads": 1}


@pytest.mark.parametrize("by", WAYS)
def test_a_module_that_is_reloaded(folder: Path, by: str) -> None:
    app = script(
        folder, "import importlib\nfrom shop import db\ndb.query(1)\nimportlib.reload(db)\ndb.query(1); db.query(1)\n"
    )
    assert Run(folder, "--by", by, "--time", "shop.db:query", app).counts == {"shop.db:query": 3}


def test_functions_in_c_by_wrapping(folder: Path) -> None:
    app = script(folder, "import zlib\nzlib.compress(b'')\n")
    assert Run(folder, "--by", "wrapping", "--time", "zlib:compress", app).counts == {"zlib:compress": 1}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with Python 3.12")
def test_the_id_of_the_tool_is_free_after_the_run_and_others_may_have_taken_it(folder: Path) -> None:
    look = "print([sys.monitoring.get_tool(n) for n in range(6)])"
    app = script(folder, f"import sys, atexit\n{look}\natexit.register(lambda: print('exit'))\n")
    run = Run(folder, "--time", "shop.db:x", app)
    assert run.out == "[None, None, 'historian run', None, None, None]\nexit\n"
    code = f"""
import sys
from historian import Registry
from historian.cli._program.monitored import Monitored
from historian.cli._program.target import Targets, target_of

def f(): pass

def measure():
    registry = Registry()
    timing = Monitored(Targets([target_of("__main__:f")]), registry.recorder)
    timing.start(), f(), timing.stop(), f()
    return registry.snapshot().total().count

assert measure() == measure() == 1  # also the second time: its code is told of again
{look}
sys.monitoring.use_tool_id(2, "a profiler")
assert measure() == 1
{look}
sys.monitoring.use_tool_id(3, "another"), sys.monitoring.use_tool_id(4, "a third")
measure()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    free = "[None, None, None, None, None, None]\n[None, None, 'a profiler', None, None, None]\n"
    assert done.stdout == free
    assert "RuntimeError: other tools use all ids of sys.monitoring" in done.stderr


# ---- options ----


@posix
@pytest.mark.parametrize("by", WAYS)
def test_a_directory_keeps_what_forked_and_new_processes_record(folder: Path, by: str) -> None:
    app = script(
        folder,
        """
import os, subprocess, sys
from shop import db
import historian
db.query(1)
if os.fork() == 0:
    db.query(2)
    os._exit(0)
os.wait()
historian.recorder("own").record(1)
subprocess.run([sys.executable, "-c", "import historian; historian.recorder('own').record(1)"], check=True)
""",
    )
    words = ["--by", by, "--dir", "d", "--time", "shop.db:query", app]
    run = Run(folder, *words, env={"PYTHONWARNINGS": "ignore"})
    assert run.counts == {"shop.db:query": 2, "own": 2}
    assert Run(folder, *words, env={"PYTHONWARNINGS": "ignore"}).counts == {"shop.db:query": 4, "own": 4}
    again = by_python(folder, "-m", "historian", "profile", "d", "--format", "csv")
    assert {line.split(",")[0] for line in again.stdout.splitlines()[1:]} == {"shop.db:query", "own"}


def test_meters(folder: Path) -> None:
    app = script(folder, "import gc, time\ngc.collect()\ntime.sleep(0.05)\n")
    names = "gc,hiccup" if not getattr(sys, "_is_gil_enabled", lambda: True)() else "gc,hiccup,gil"
    run = Run(folder, "--meters", names, app)
    expected = {"gc.pause{generation=2}", "hiccup"} | ({"gil.wait"} if "gil" in names else set())
    assert expected <= set(run.counts)
    assert run.counts["hiccup"] >= 3


def test_messages_about_functions_that_were_not_timed(folder: Path) -> None:
    table, path = "shop.db:Table", os.path.__name__
    app = script(folder, "import shop.db, os.path, shop.db as other\nfrom shop import db\ndef g(): pass\n")
    asked = {
        "shop.db:qery": "shop.db:qery: 'shop.db' has no 'qery'; did you mean 'query'?",
        "shop.db:Table.gett": "shop.db:Table.gett: 'shop.db' has no 'Table.gett'; did you mean 'Table.get'?",
        "shopp.db:query": "shopp.db:query: the program has not imported 'shopp.db'; did you mean 'shop.db'?",
        "shop.db:query": "shop.db:query was not called",
        "__main__:g": "__main__:g was not called",
        "__main__:f": "__main__:f: '__main__' has no 'f'",
        table: f"{table} is a class: time its methods, such as {table}.__init__, or all: {table}.*",
        "shop:db": "shop:db is not a function",
        "os.path:join": f"os.path:join: the name of this module is {path!r}: pass --time {path}:join",
        "shop.db:zzz*": "shop.db:zzz*: no function of this module that was called has such a name",
    }
    run = Run(folder, *(word for target in asked for word in ("--time", target)), app)
    assert run.messages == list(asked.values())
    assert run.status == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "error: which script is to be run?"),
        (["-m"], "error: which module is to be run?"),
        (["--time"], "error: argument --time: expected one argument"),
        (["--time", "query", "app.py"], "must be MODULE:FUNCTION, such as shop.db:query or __main__:work"),
        (["--time", "shop.*:query", "app.py"], "must be MODULE:FUNCTION"),
        (["--time", "shop:1x", "app.py"], "in 'shop:1x' a part is not a name of Python"),
        (["--meters", "gcc", "app.py"], "there is no meter 'gcc'; did you mean 'gc'?"),
        (["--meters", "loop", "app.py"], "there is no meter 'loop'; choose from gc, gil, hiccup"),
        (["--tyme", "a:b", "app.py"], "unrecognized arguments: --tyme"),
        (["--by", "magic", "app.py"], "there is no 'magic'; choose from monitoring, wrapping"),
        (["--dir", "", "app.py"], "directory must not be empty"),
    ],
)
def test_wrong_command_lines(folder: Path, words: list[str], message: str) -> None:
    script(folder, "print('it ran')")
    run = Run(folder, *words)
    assert (run.out, run.status) == ("", 2)
    assert message in run.err
    assert len(run.err.splitlines()) == 1


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="sys.monitoring came with Python 3.12")
def test_monitoring_needs_a_newer_python(folder: Path) -> None:
    run = Run(folder, "--by", "monitoring", script(folder, ""))
    assert (run.status, run.messages) == (2, ["error: --by monitoring needs Python 3.12 or later: omit it"])


def test_disabled(folder: Path) -> None:
    app = script(folder, "import sys\nfrom shop import db\ndb.query(1)\nprint(sys.argv)\n")
    run = Run(folder, "--time", "shop.db:query", "--meters", "gc", app, env={"HISTORIAN_DISABLE": "1"})
    assert (run.out, run.status) == ("['app.py']\n", 0)
    assert run.messages == ["nothing is recorded, because HISTORIAN_DISABLE=1 is set"]


def test_a_double_dash_begins_the_program(folder: Path) -> None:
    app = script(folder, "import sys\nprint(sys.argv)\n")
    assert Run(folder, "--time=a:b", "--", app, "--", "-x").out == "['app.py', '--', '-x']\n"
