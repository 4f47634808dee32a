"""The WSGI and ASGI applications: formats, compression, methods, errors; the same answers from both."""

import asyncio
import gzip
import logging

import pytest
import wsgi_call
from client_model import read_families
from hypothesis import given
from hypothesis import strategies as st

from historian import Registry
from historian.formats.prometheus import Collector
from historian.web import asgi, wsgi
from historian.web._http.accept import accepts_gzip, chosen_format

prometheus_client = pytest.importorskip("prometheus_client")

PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
#: What servers send: 2.42 with and without native histograms, 3.x with them, a browser, curl.
V2_42 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"  # noqa: E501
V2_42_NATIVE = f"{PROTOBUF},{V2_42.replace('1.0.0,', '1.0.0;q=0.8,')}"
V3_NATIVE = f"{PROTOBUF};escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"  # noqa: E501
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


def call_wsgi(application, method="GET", accept="", encoding="", path="/metrics"):
    """Return status, headers and body."""
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_ACCEPT": accept, "HTTP_ACCEPT_ENCODING": encoding}
    status, headers, body = wsgi_call.call(application, environ)
    return int(status.split()[0]), dict(headers), body


def call_asgi(application, method="GET", accept="", encoding="", path="/metrics"):
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    headers = [(b"accept", accept.encode()), (b"accept-encoding", encoding.encode())]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(application(scope, receive, send))
    start, body = sent
    assert (start["type"], body["type"]) == ("http.response.start", "http.response.body")
    found = {name.decode().title(): value.decode() for name, value in start["headers"]}
    return start["status"], found, body["body"]


@pytest.fixture(params=["wsgi", "asgi"])
def call(request):
    module, caller = {"wsgi": (wsgi, call_wsgi), "asgi": (asgi, call_asgi)}[request.param]
    return lambda sources, *args, **options: caller(module.metrics(*sources), *args, **options)


@pytest.fixture
def sources():
    registry = Registry()
    registry.recorder("lookup", table="users").record_many([0.01] * 99 + [1.5])
    client = prometheus_client.CollectorRegistry()
    prometheus_client.Counter("hits", "Hits.", registry=client).inc(3)
    return [Collector(registry), client]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        (V2_42, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        (V2_42_NATIVE, "application/vnd.google.protobuf"),
        (V3_NATIVE, "application/vnd.google.protobuf"),
        (BROWSER, "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=1.0.0;escaping=allow-utf-8", "text/plain; version=1.0.0; charset=utf-8; escaping=allow"),
        ("text/plain;version=9", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=2.0.0", "text/plain; version=0.0.4; charset=utf-8"),
        (f"{OPENMETRICS};q=0.5,{PROTOBUF};q=0.9", "application/vnd.google.protobuf"),
        (f"{OPENMETRICS};q=0.9,{PROTOBUF};q=0.5", "application/openmetrics-text; version=1.0.0"),
        (f"{OPENMETRICS},{PROTOBUF}", "application/openmetrics-text; version=1.0.0"),  # the first of equals
        (f"{PROTOBUF};q=0,text/plain", "text/plain; version=0.0.4"),
        ("application/vnd.google.protobuf", "text/plain; version=0.0.4"),  # does not say how it is framed
        (PROTOBUF.replace("delimited", "text"), "text/plain; version=0.0.4"),
        (PROTOBUF.replace("io.prometheus", "org.other"), "text/plain; version=0.0.4"),
        (PROTOBUF.replace(";", " ; ").upper().replace("IO.PROMETHEUS.CLIENT.METRICFAMILY", "x"), "text/plain"),
        (PROTOBUF.replace("=delimited", '="delimited"'), "application/vnd.google.protobuf"),
    ],
)
def test_the_format_is_what_the_scraper_likes_best(call, sources, accept, content_type):
    status, headers, body = call(sources, accept=accept)
    assert status == 200 and headers["Content-Type"].startswith(content_type)
    assert headers["Content-Length"] == str(len(body)) and headers["Vary"] == "Accept, Accept-Encoding"
    if "protobuf" in content_type:
        names = {family.name: family for family in read_families(body)}
        assert names["lookup_seconds"].metric[0].histogram.schema == 6
        assert names["hits_total"].metric[0].counter.value == 3.0
    else:
        assert b'\nlookup_seconds_bucket{le="+Inf",table="users"} 100.0\n' in body and b"\nhits_total 3.0\n" in body


@pytest.mark.parametrize("accept", ["", V2_42, V2_42_NATIVE])
def test_gzip_if_it_is_accepted(call, sources, accept):
    _, plain, body = call(sources, accept=accept)
    status, headers, packed = call(sources, accept=accept, encoding="deflate;q=0.5, GZIP ;q=0.2")
    assert (status, headers["Content-Encoding"], headers["Content-Length"]) == (200, "gzip", str(len(packed)))
    assert gzip.decompress(packed) == body and len(packed) < len(body)
    assert "Content-Encoding" not in plain
    for refused in ("", "identity", "gzip;q=0", "*;q=0", "gzip;q=0, *", "br"):
        assert call(sources, accept=accept, encoding=refused)[2] == body


def test_methods(call, sources):
    status, headers, body = call(sources)
    assert call(sources, "HEAD") == (status, headers, b"")
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        status, headers, body = call(sources, method)
        assert (status, headers["Allow"], body) == (405, "GET, HEAD", b"use GET or HEAD\n")


def test_a_name_that_is_not_legal_is_said(call, caplog):
    registry = Registry()
    sources = [Collector(registry)]
    assert call(sources)[0] == 200
    registry.recorder("db.query").record(1.0)
    with caplog.at_level(logging.ERROR, "historian.web"):
        for accept in ("", PROTOBUF):
            status, headers, body = call(sources, accept=accept)
            assert (status, headers["Content-Type"]) == (500, "text/plain; charset=utf-8")
            assert b"does not allow 'db.query' as a name: use 'db_query_seconds'" in body
    assert "use 'db_query_seconds'" in caplog.text


def test_other_errors_pass(call):
    class Broken:
        def collect(self):
            raise ZeroDivisionError("a mistake")

    with pytest.raises(ZeroDivisionError):
        call([Broken()])


@pytest.mark.parametrize("module", [wsgi, asgi])
def test_wrong_sources_are_refused(module):
    with pytest.raises(TypeError, match="at least one source"):
        module.metrics()
    with pytest.raises(TypeError, match=r"not Registry: pass Collector\(registry\)"):
        module.metrics(Registry())
    with pytest.raises(TypeError, match="must have a method collect"):
        module.metrics("metrics")


def test_asgi_lifespan_websocket_and_others(sources):
    application = asgi.metrics(*sources)

    def run(scope, *messages):
        sent, queue = [], list(messages)

        async def receive():
            return queue.pop(0)

        async def send(message):
            sent.append(message)

        asyncio.run(application(scope, receive, send))
        return sent

    begin, end = {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
    assert [one["type"] for one in run({"type": "lifespan"}, begin, end)] == [
        "lifespan.startup.complete", "lifespan.shutdown.complete",
    ]  # fmt: skip
    assert run({"type": "websocket"}, {"type": "websocket.connect"}) == [{"type": "websocket.close", "code": 1008}]
    with pytest.raises(ValueError, match="does not know connections of type 'other'"):
        run({"type": "other"})


def test_asgi_without_asyncio(sources):
    """A coroutine that another library runs has no event loop of asyncio."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    with pytest.raises(StopIteration):
        asgi.metrics(*sources)(scope, None, send).send(None)
    assert sent[0]["status"] == 200


def test_the_event_loop_is_free_while_metrics_are_made():
    import threading

    async def main():
        made, release = threading.Event(), threading.Event()

        class Slow:
            def collect(self):
                made.set()
                assert release.wait(60)
                return []

        async def send(message):
            pass

        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        task = asyncio.ensure_future(asgi.metrics(Slow())(scope, None, send))
        while not made.is_set():
            await asyncio.sleep(0.001)
        release.set()  # only a loop that is free gets here
        await task

    asyncio.run(main())


def test_in_frameworks(sources):
    """Mounted as the documentation shows."""
    starlette = pytest.importorskip("starlette.applications")
    routing = pytest.importorskip("starlette.routing")
    testclient = pytest.importorskip("starlette.testclient")
    app = starlette.Starlette(routes=[routing.Mount("/metrics", asgi.metrics(*sources))])
    with testclient.TestClient(app) as client:
        answer = client.get("/metrics/", headers={"Accept": PROTOBUF})
        assert answer.status_code == 200 and read_families(answer.content)[0].name == "lookup_seconds"
        assert client.get("/elsewhere").status_code == 404


# ---- headers ----

pieces = st.sampled_from([
    "application/openmetrics-text", "text/plain", "*/*", "version=1.0.0", "version=", "q=", "q=0.5", "q=1e999", "q=nan",
    "q=-1", "q", "=", ";", ",", '"', " ", "gzip", "*", "application/vnd.google.protobuf", "encoding=delimited",
    "proto=io.prometheus.client.MetricFamily", "escaping=dots", "escaping=x", "\x00", "\xff", "q=0.1234567890",
])  # fmt: skip


@given(st.lists(pieces | st.text(max_size=10), max_size=30).map("".join), st.sampled_from(["", ";", ",", "; "]))
def test_any_header_is_answered(text, between):
    header = between.join([text, text])
    found = chosen_format(header)
    assert found.header.startswith(("text/plain", "application/openmetrics-text", "application/vnd.google.protobuf"))
    assert "\n" not in found.header and found.header.isascii()  # nothing of the client's is repeated
    assert accepts_gzip(header) in (True, False)


def test_a_long_header_is_read_to_a_limit():
    assert chosen_format("x," * 10_000_000 + PROTOBUF).content_type.startswith("text/plain")
