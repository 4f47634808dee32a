"""The recipes of docs/how-to with real servers and workers, beyond what their pages run."""

import asyncio
import logging
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import historian
from historian import Registry

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
PATIENCE = 60  # seconds until something that must happen has happened


@pytest.fixture
def registry(monkeypatch):
    registry = Registry()
    monkeypatch.setattr(historian, "default_registry", registry)
    monkeypatch.setattr("historian.registry.default_registry", registry)
    return registry


def run_blocks(page, *chosen):
    """Run the blocks of a page in which one of the texts is; return the names that they define."""
    text = (HOW_TO / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(?!>>>)(.*?)^```", text, re.MULTILINE | re.DOTALL)
    names = {"__name__": "recipe"}
    for part in chosen:
        (block,) = (block for block in blocks if part in block)
        exec(block, names)
    return names


def recorded(registry):
    """Return the number of values of each label set: a tuple of the values in the order of the names."""
    found = {tuple(dict(key.labels).values()): value.count for key, value in registry.snapshot().items()}
    return {labels: count for labels, count in found.items() if count}


@pytest.fixture
def server():
    """Return the URL of a server that answers all but /moved with 200."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(302 if self.path == "/moved" else 200)
            self.send_header("Location", "/there")
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"Ada")

        def log_message(self, *arguments):
            pass

    found = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{found.server_port}"
    found.shutdown()
    thread.join()
    found.server_close()


def test_httpx(registry, server):
    httpx = pytest.importorskip("httpx", reason="httpx is not installed: pip install httpx")
    pytest.importorskip("sqlalchemy", reason="sqlalchemy, on the same page, is not installed: pip install sqlalchemy")
    names = run_blocks("clients.md", "import sqlalchemy", "import httpx\n")
    registry.drain()
    hooks = {"request": [names["begin_request"]], "response": [names["end_request"]]}
    with httpx.Client(event_hooks=hooks, follow_redirects=True) as client:
        assert client.get(f"{server}/moved").text == "Ada"
        with pytest.raises(httpx.ConnectError) as caught:
            client.get("http://127.0.0.1:9/")  # the port of the protocol discard, where nothing listens
    names["record"](caught.value.request, type(caught.value).__name__)

    async def begin_later(request):
        names["begin_request"](request)

    async def end_later(response):
        names["end_request"](response)

    async def main():
        hooks = {"request": [begin_later], "response": [end_later]}
        async with httpx.AsyncClient(event_hooks=hooks) as client:
            await client.get(server)

    asyncio.run(main())
    assert recorded(registry) == {
        ("GET", "302", "127.0.0.1"): 1,
        ("GET", "200", "127.0.0.1"): 2,
        ("GET", "ConnectError", "127.0.0.1"): 1,
    }


def test_aiohttp(registry, server):
    """A redirection is one request here, whose answer is the last one."""
    aiohttp = pytest.importorskip("aiohttp", reason="aiohttp is not installed: pip install aiohttp")
    pytest.importorskip("httpx", reason="httpx, on the same page, is not installed: pip install httpx")
    pytest.importorskip("sqlalchemy", reason="sqlalchemy, on the same page, is not installed: pip install sqlalchemy")
    names = run_blocks("clients.md", "import sqlalchemy", "import httpx\n", "import aiohttp")
    registry.drain()

    async def main():
        async with aiohttp.ClientSession(trace_configs=[names["trace"]]) as session:
            for path in ("/", "/moved"):
                async with session.get(server + path) as answer:
                    assert await answer.read() == b"Ada"

    asyncio.run(main())
    assert recorded(registry) == {("GET", "200", "127.0.0.1"): 2}


def test_sqlalchemy(registry, tmp_path):
    sqlalchemy = pytest.importorskip("sqlalchemy", reason="sqlalchemy is not installed: pip install sqlalchemy")
    names = run_blocks("clients.md", "import sqlalchemy")
    text, queries = sqlalchemy.text, names["queries"]
    with names["engine"].begin() as connection:
        connection.execute(text("create table users (name text unique)"))
        connection.execute(text("insert into users values (:name)"), [{"name": "Ada"}, {"name": "Grace"}])
        assert connection.execute(text("select count(*) from users")).scalar() == 2
        with pytest.raises(sqlalchemy.exc.IntegrityError):
            connection.execute(text("insert into users values ('Ada')"))
    names["engine"].dispose()
    counts = [queries[name].snapshot().count for name in (("CREATE", ""), ("INSERT", ""), ("SELECT", ""))]
    assert counts == [1, 1, 1] and queries["INSERT", "IntegrityError"].snapshot().count == 1
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/no/such/folder")
    sqlalchemy.event.listen(engine, "handle_error", names["fail"])
    with pytest.raises(sqlalchemy.exc.OperationalError, match="unable to open"):
        engine.connect()


def test_celery_with_a_worker(registry):
    """A worker in a thread, with a broker in memory: signals come from it as from a process."""
    pytest.importorskip("celery", reason="celery is not installed: pip install celery")
    from celery.contrib.testing.worker import start_worker
    from celery.signals import task_postrun, task_prerun

    names = run_blocks("celery.md", "import celery", "task_prerun.connect")
    registry.drain()
    app = names["app"]
    app.conf.update(worker_hijack_root_logger=False, worker_redirect_stdouts=False)
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    try:
        with start_worker(app, pool="threads", concurrency=2, perform_ping_check=False, shutdown_timeout=PATIENCE):
            results = [names["resize"].delay(width) for width in range(10)]
            failed = names["fail"].delay()
            assert [result.get(timeout=PATIENCE) for result in results] == [width // 2 for width in range(10)]
            with pytest.raises(LookupError):
                failed.get(timeout=PATIENCE)
            end = time.monotonic() + PATIENCE
            while sum(recorded(registry).values()) < 21 and time.monotonic() < end:  # after the result
                time.sleep(0.01)
    finally:
        task_prerun.disconnect(names["begin"])
        task_postrun.disconnect(names["end"])
        root.setLevel(level)  # the worker has set its own
        root.handlers[:] = handlers
    counts = {labels[0]: count for labels, count in recorded(registry).items()}
    assert counts == {"resize": 10, "SUCCESS": 10, "FAILURE": 1}


def test_grpc_streams_and_deadlines(registry):
    grpc = pytest.importorskip("grpc", reason="grpc is not installed: pip install grpcio")
    names = run_blocks("grpc.md", "class Measured(", "class MeasuredCalls(")

    async def slow(request, context):
        await asyncio.sleep(PATIENCE)

    async def echo(requests, context):
        async for request in requests:
            yield request

    async def join(requests, context):
        return b"".join([request async for request in requests])

    handlers = {
        "Slow": grpc.unary_unary_rpc_method_handler(slow),
        "Echo": grpc.stream_stream_rpc_method_handler(echo),
        "Join": grpc.stream_unary_rpc_method_handler(join),
    }

    async def main():
        server = grpc.aio.server(interceptors=[names["Measured"]()])
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("x.X", handlers)])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        interceptors = [names["MeasuredCalls"]()]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", interceptors=interceptors) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await channel.unary_unary("/x.X/Slow")(b"", timeout=0.2)
            assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            stream = channel.stream_stream("/x.X/Echo")(iter([b"a", b"b"]))
            assert [part async for part in stream] == [b"a", b"b"]
            assert await channel.stream_unary("/x.X/Join")(iter([b"a", b"b"])) == b"ab"
        await server.stop(None)

    asyncio.run(main())
    assert recorded(registry) == {
        ("/x.X/Slow", "DEADLINE_EXCEEDED"): 1,
        ("error", "/x.X/Slow"): 1,
        ("ok", "/x.X/Echo"): 1,
        ("ok", "/x.X/Join"): 1,
    }
