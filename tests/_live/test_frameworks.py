"""`@rec.timed` under the decorators and in the hands of the frameworks that it meets, each of them the real one."""

import asyncio
import importlib
import inspect
import os
import subprocess
import sys
import textwrap

import pytest

from historian import Recorder

JOBS = """
import sys

from historian import Registry

recorder = Registry({directory!r}).recorder("jobs")


@recorder.timed
def add(a: int, b: int = 2) -> int:
    "Add two numbers."
    return a + b


@recorder.timed
async def add_later(a, b=2):
    return a + b


@recorder.timed
def count(n):
    yield from range(n)


class Job:
    @recorder.timed
    def run(self, x):
        return 2 * x

    @staticmethod
    @recorder.timed
    def run_static(x):
        return 3 * x

    @classmethod
    @recorder.timed
    def run_class(cls, x):
        return cls.__name__, x
"""


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """Make a module of timed functions, recorded in a file, that other processes can import."""
    (tmp_path / "jobs.py").write_text(JOBS.format(directory=str(tmp_path / "recorders")))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")])))
    yield importlib.import_module("jobs")
    del sys.modules["jobs"]


@pytest.fixture
def rec():
    return Recorder()


def need(name):
    """Skip if the package, which the `test` extra brings, is not there and may not install on this Python."""
    if sys.version_info >= (3, 14) or not getattr(sys, "_is_gil_enabled", lambda: True)():
        pytest.importorskip(name)


def run_python(source, *arguments, **options):
    command = [sys.executable, *arguments, "-c", textwrap.dedent(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_celery(jobs):
    need("celery")
    import celery

    app = celery.Celery("app", broker="memory://", backend="cache+memory://", set_as_current=False)
    app.conf.task_always_eager = True
    add = app.task(jobs.add)
    assert add.name == "jobs.add" and add.__name__ == "add" and add.__doc__ == "Add two numbers."
    assert app.tasks["jobs.add"].__module__ == "jobs"
    assert add.delay(1, b=3).get() == 4 and add(1) == 3 and jobs.recorder.snapshot().count == 2
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'a'"):
        add.apply_async()  # Celery checks the arguments by the function's own signature
    assert jobs.recorder.snapshot().count == 2

    @app.task(bind=True, name="bound")
    @jobs.recorder.timed
    def bound(self, x):
        return self.name, x

    assert bound.delay(5).get() == ("bound", 5) and jobs.recorder.snapshot().count == 3


def test_starlette(rec):
    need("starlette")
    import httpx2
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route
    from starlette.testclient import TestClient

    @rec.timed
    def plain(request):
        return PlainTextResponse("plain " + request.path_params["x"])

    @rec.timed
    async def later(request):
        return PlainTextResponse("later")

    routes = [Route("/plain/{x}", plain), Route("/later", later)]
    assert [route.name for route in routes] == ["plain", "later"]
    client = TestClient(Starlette(routes=routes))
    assert isinstance(client, httpx2.Client)
    assert client.get("/plain/1").text == "plain 1" and client.get("/later").text == "later"
    assert rec.snapshot().count == 2


def test_fastapi(rec):
    need("fastapi")
    import fastapi
    from fastapi.testclient import TestClient

    app = fastapi.FastAPI()
    Depends = fastapi.Depends

    @rec.timed
    def page(offset: int = 0, limit: int = 10):
        return offset, limit

    @rec.timed
    async def user(name: str):
        return name.title()

    @rec.timed
    def session():
        yield "plain session"

    @rec.timed
    async def async_session():
        yield "async session"

    @app.get("/plain/{x}")
    @rec.timed
    def plain(x: int, page=Depends(page), session=Depends(session)):  # noqa: B008
        return {"x": x, "page": page, "session": session}

    @app.get("/later")
    @rec.timed
    async def later(user=Depends(user), session=Depends(async_session)):  # noqa: B008
        return {"user": user, "session": session}

    with TestClient(app) as client:
        answer = client.get("/plain/7", params={"limit": 3})
        assert answer.json() == {"x": 7, "page": [0, 3], "session": "plain session"}
        assert client.get("/later", params={"name": "ada"}).json() == {"user": "Ada", "session": "async session"}
        assert client.get("/plain/x").status_code == client.get("/later").status_code == 422
        operations = client.get("/openapi.json").json()["paths"]
    assert operations["/plain/{x}"]["get"]["operationId"] == "plain_plain__x__get"
    parameters = {(at["name"], at["in"]) for at in operations["/plain/{x}"]["get"]["parameters"]}
    assert parameters == {("x", "path"), ("offset", "query"), ("limit", "query")}
    # Three calls for each good request; the bad ones ask for a page and a session of each kind, but call no endpoint.
    assert rec.snapshot().count >= 6


def test_joblib(jobs):
    need("joblib")
    import joblib
    from joblib.externals.loky import get_reusable_executor

    try:
        results = joblib.Parallel(n_jobs=2)(joblib.delayed(jobs.add)(i) for i in range(6))
    finally:
        get_reusable_executor().shutdown(wait=True)  # or the workers wait for more
    assert results == [2, 3, 4, 5, 6, 7]
    assert jobs.recorder.snapshot().count == 6  # the workers recorded in the same file
    assert joblib.func_inspect.get_func_name(jobs.add)[1] == "add"


def test_joblib_memory(jobs, tmp_path):
    need("joblib")
    import joblib

    remembered = joblib.Memory(tmp_path / "cache", verbose=0).cache(jobs.add)
    assert remembered(1) == remembered(1) == 3 and jobs.recorder.snapshot().count == 1


def test_loky(jobs):
    need("loky")
    import loky

    job = jobs.Job()
    with loky.ProcessPoolExecutor(1) as pool:
        futures = [
            pool.submit(jobs.add, 1, b=5),
            pool.submit(job.run, 4),
            pool.submit(jobs.Job.run_static, 5),
            pool.submit(jobs.Job.run_class, 6),
        ]
        assert [future.result(60) for future in futures] == [6, 8, 15, ("Job", 6)]
    assert jobs.recorder.snapshot().count == 4


def test_cloudpickle_by_name(jobs):
    need("cloudpickle")
    import cloudpickle

    for function in (jobs.add, jobs.add_later, jobs.count, jobs.Job.run):
        assert cloudpickle.loads(cloudpickle.dumps(function)) is function
    source = f"import cloudpickle; print(cloudpickle.loads({cloudpickle.dumps(jobs.add)!r})(3))"
    assert run_python(source) == "5\n"
    assert jobs.recorder.snapshot().count == 1


BY_VALUE = """
import asyncio, cloudpickle, contextlib, functools, os, subprocess, sys
from historian import Recorder, Registry

rec = {recorder}
base = 10

def make(step):
    @rec.timed
    def inner(x=1):
        return base + step * x
    return inner

@rec.timed
def plain(x, *, y=2):
    "Plain."
    return [base, x, y, made(3), plain(x - 1) if x else None]

@rec.timed
async def later(x):
    return base + x

@rec.timed
def count(n):
    yield from range(n)

@rec.timed
async def count_later(n):
    for i in range(n):
        yield i

@rec.timed
@contextlib.contextmanager
def block(x):
    yield x

class Thing:
    @rec.timed
    def method(self, x):
        return super().__repr__().startswith("<"), x

made = make(2)
partial = rec.timed(functools.partial(pow, 2))
data = cloudpickle.dumps([plain, later, count, count_later, block, Thing, made, partial])
there = '''
import asyncio, pickle, sys
everything = pickle.load(sys.stdin.buffer)
if len(sys.argv) > 1:
    import cloudpickle
    everything = pickle.loads(cloudpickle.dumps(everything))  # as a worker does that has workers of its own
plain, later, count, count_later, block, Thing, made, partial = everything
async def listed():
    return [i async for i in count_later(2)]
assert plain(1) == [10, 1, 2, 16, [10, 0, 2, 16, None]], plain(1)
assert (plain.__name__, plain.__module__, plain.__doc__) == ("plain", "__main__", "Plain.")
assert plain.__kwdefaults__ == {{"y": 2}} and made.__defaults__ == (1,)
assert asyncio.run(later(1)) == 11 and list(count(2)) == [0, 1] and asyncio.run(listed()) == [0, 1]
with block(5) as x:
    assert x == 5
assert Thing().method(4) == (True, 4) and made() == 12 and partial(3) == 8
'''
for again in ([], ["again"]):
    subprocess.run([sys.executable, "-W", "error", "-c", there, *again], input=data, check=True, timeout=60)
print(rec.snapshot().count)
"""


def test_cloudpickle_by_value_with_a_recorder_in_memory():
    need("cloudpickle")
    assert run_python(BY_VALUE.format(recorder="Recorder()"), "-W", "error") == "0\n"  # it stayed here


def test_cloudpickle_by_value_with_a_recorder_in_a_file(tmp_path):
    need("cloudpickle")
    recorder = f"Registry({str(tmp_path)!r}).recorder('work')"
    assert run_python(BY_VALUE.format(recorder=recorder), "-W", "error") == "22\n"  # each time 4 by plain, and 7 others


def test_dill_copies_local_functions(tmp_path):
    need("dill")
    import dill

    from historian import Registry

    recorder = Registry(tmp_path).recorder("work")

    def make(step):
        @recorder.timed
        def add(x):
            return x + step

        @recorder.timed
        def factorial(n):
            return n * factorial(n - 1) if n else 1

        return add, factorial, recorder.timed(lambda x: x - step)

    add, factorial, subtract = dill.loads(dill.dumps(make(10)))
    assert (add(1), factorial(3), subtract(1)) == (11, 6, -9)
    assert type(add) is type(make(10)[0]) and recorder.snapshot().count == 1 + 4 + 1


def test_joblib_in_a_script(tmp_path):
    need("joblib")
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            from joblib import Parallel, delayed

            from historian import Registry

            rec = Registry("recorders").recorder("work")

            @rec.timed
            def work(x):
                return x + 1

            if __name__ == "__main__":
                print(Parallel(n_jobs=2)(delayed(work)(x) for x in range(4)), rec.snapshot().count)
            """
        )
    )
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout == "[1, 2, 3, 4] 4\n", done.stderr


def test_apscheduler(jobs):
    need("apscheduler")
    from apscheduler.schedulers.background import BackgroundScheduler
    from apscheduler.util import obj_to_ref, ref_to_obj

    scheduler = BackgroundScheduler()
    scheduler.start(paused=True)
    job = scheduler.add_job(jobs.add, args=[1], kwargs={"b": 3})
    assert job.name == "add" and job.func_ref == "jobs:add"
    assert obj_to_ref(jobs.add_later) == "jobs:add_later"
    assert ref_to_obj(job.func_ref) is jobs.add
    assert scheduler.add_job(jobs.Job().run, args=[1]).name == "Job.run"
    with pytest.raises(ValueError, match="have not been supplied"):
        scheduler.add_job(jobs.add)  # it checks the arguments by the function's own signature
    state = job.__getstate__()
    assert state["func"] == "jobs:add" and state["name"] == "add"
    scheduler.shutdown()
    assert job.func(*job.args, **job.kwargs) == 4 and jobs.recorder.snapshot().count == 1


def test_rq(jobs):
    need("rq")
    need("fakeredis")
    import fakeredis
    from rq import Queue

    queue = Queue(is_async=False, connection=fakeredis.FakeStrictRedis())
    job = queue.enqueue(jobs.add, 1, b=4)
    assert job.func_name == "jobs.add" and job.func is jobs.add
    assert job.return_value() == 5 and jobs.recorder.snapshot().count == 1


def test_click(rec):
    need("click")
    import click
    from click.testing import CliRunner

    @click.command()
    @click.argument("name")
    @click.option("--times", default=1, help="How often.")
    @rec.timed
    def greet_people(name, times):
        """Greet somebody."""
        click.echo(f"Hello {name}! " * times)

    @click.group()
    @rec.timed
    def group():
        """Group."""

    group.add_command(greet_people)
    assert greet_people.name == click.command()(greet_people.callback.__wrapped__).name
    assert greet_people.help == "Greet somebody."
    assert inspect.unwrap(greet_people.callback).__name__ == "greet_people"
    result = CliRunner().invoke(group, [greet_people.name, "Ada", "--times", "2"])
    assert (result.exit_code, result.output) == (0, "Hello Ada! Hello Ada! \n")
    assert rec.snapshot().count == 2
    assert "Greet somebody." in CliRunner().invoke(greet_people, ["--help"]).output


def test_pytest_fixtures(tmp_path):
    tests = tmp_path / "test_timed_fixtures.py"
    tests.write_text(
        textwrap.dedent(
            """
            import pytest

            from historian import Recorder

            rec = Recorder()

            @pytest.fixture
            @rec.timed
            def number():
                return 3

            @pytest.fixture(params=[1, 2])
            @rec.timed
            def resource(request, number):
                "A resource."
                yield request.param + number

            @rec.timed
            def test_function(resource, number):
                assert resource - number in (1, 2)

            @pytest.mark.parametrize("x", [1, 2])
            @rec.timed
            def test_parametrized(x, number):
                assert (x, number) in ((1, 3), (2, 3))

            class TestClass:
                @pytest.fixture
                @rec.timed
                def own(self):
                    return self

                @rec.timed
                def test_method(self, own):
                    assert own is self

                @pytest.mark.xfail(strict=True)
                @rec.timed
                def test_fails(self):
                    assert 1 == 2

            def test_all_were_timed():
                # A fixture that yields ends after its test: 2 of number and resource with 2 tests, 2 of number with 2
                # tests, one of own with its test, and one that failed.
                assert rec.snapshot().count == 6 + 4 + 2 + 1
            """
        )
    )
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    done = subprocess.run([*command, tests], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert "6 passed, 1 xfailed" in done.stdout, done.stdout + done.stderr


def test_asyncio_and_threads_take_them(rec):
    @rec.timed
    def work(x):
        return 2 * x

    async def main():
        loop = asyncio.get_running_loop()
        return await asyncio.gather(asyncio.to_thread(work, 1), loop.run_in_executor(None, work, 2))

    assert asyncio.run(main()) == [2, 4] and rec.snapshot().count == 2


def test_multiprocessing(jobs):
    import multiprocessing

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(jobs.add, range(3)) == [2, 3, 4]
    assert jobs.recorder.snapshot().count == 3
