"""The middleware on applications and servers made of a few lines: which label sets, which times, what passes."""

import asyncio
import contextlib
import http
import io
import sys
import threading
from wsgiref.handlers import SimpleHandler
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsgi_call import call

from historian import FamilyWarning, Registry
from historian.web._requests import asgi, wsgi
from historian.web._requests.durations import METHODS
from historian.web.middleware import ASGIMiddleware, WSGIMiddleware

NAME = "http.server.request.duration"
START = {"type": "http.response.start", "status": 200, "headers": []}
LAST = {"type": "http.response.body", "body": b"Ada"}
MORE = {**LAST, "more_body": True}


class Clock:
    """A clock that stands still until it is moved, in seconds."""

    def __init__(self):
        self.now = 1_000

    def __call__(self):
        return self.now

    def move(self, seconds):
        self.now += round(seconds * 1e9)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(asgi, "perf_counter_ns", clock)
    monkeypatch.setattr(wsgi, "perf_counter_ns", clock)
    return clock


@pytest.fixture
def registry():
    return Registry()


def recorded(registry):
    """Return what is recorded: (method, route, status, error): seconds."""
    names = ("http.request.method", "http.route", "http.response.status_code", "error.type")
    found = {}
    for key, histogram in registry.snapshot().items():
        labels = dict(key.labels)
        assert key.name == NAME and sorted(labels) == sorted(names) and histogram.unit == "s"
        assert histogram.count == 1
        found[tuple(labels[name] for name in names)] = histogram.max
    return found


def only(registry):
    ((labels, seconds),) = recorded(registry).items()
    return labels, seconds


# ---- ASGI ----


def talk(middleware, scope=None, received=(), send=None):
    """Call an ASGI application as a server does; return what it has sent."""
    sent, left = [], list(received)

    async def receive():
        return left.pop(0)

    async def collect(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/secret/1", **(scope or {})}
    asyncio.run(middleware(scope, receive, send or collect))
    return sent


def test_an_answer_is_measured_until_its_last_part_is_sent(registry, clock):
    async def app(scope, receive, send):
        scope["historian.route"] = "/users/{id}"
        clock.move(1)
        await send(START)
        clock.move(2)
        await send(MORE)
        clock.move(4)
        await send(LAST)
        clock.move(8)  # a background task

    sent = []

    async def slow(message):
        clock.move(16)  # a client that reads slowly
        sent.append(message)

    talk(ASGIMiddleware(app, registry), send=slow)
    assert sent == [START, MORE, LAST]
    assert only(registry) == (("GET", "/users/{id}", "200", ""), 1 + 2 + 4 + 3 * 16)


def test_it_is_recorded_before_the_application_ends(registry):
    seen = []

    async def app(scope, receive, send):
        await send(START)
        await send(LAST)
        seen.append(len(registry.snapshot()))

    talk(ASGIMiddleware(app, registry))
    assert seen == [1]


def test_paths_never_become_labels(registry):
    async def app(scope, receive, send):
        await send({**START, "status": 404})
        await send(LAST)

    for i in range(10):
        talk(ASGIMiddleware(app, registry), {"path": f"/{i}"})
    ((key, histogram),) = registry.snapshot().items()
    assert dict(key.labels)["http.route"] == "" and histogram.count == 10


@pytest.mark.parametrize("method", [*METHODS, "get", "BREW", "X" * 5000, ""])
def test_methods(registry, method):
    async def app(scope, receive, send):
        await send(START)
        await send(LAST)

    talk(ASGIMiddleware(app, registry), {"method": method})
    assert only(registry)[0][0] == (method if method in METHODS else "_OTHER")


@pytest.mark.parametrize(
    ("status", "labels"),
    [
        (200, ("200", "")),
        (http.HTTPStatus.NOT_FOUND, ("404", "")),
        (499, ("499", "")),
        (500, ("500", "500")),
        (503, ("503", "503")),
        (999, ("_OTHER", "")),
    ],
)
def test_statuses(registry, status, labels):
    async def app(scope, receive, send):
        await send({**START, "status": status})
        await send(LAST)

    talk(ASGIMiddleware(app, registry))
    assert only(registry)[0][2:] == labels


def test_classes_of_statuses(registry):
    async def app(scope, receive, send):
        await send({**START, "status": scope["status"]})
        await send(LAST)

    middleware = ASGIMiddleware(app, registry, status_class=True)
    for status in (200, 404, 503):
        talk(middleware, {"status": status})
    assert [labels[2:] for labels in recorded(registry)] == [("2xx", ""), ("4xx", ""), ("5xx", "503")]


class Broken(Exception):
    pass


def test_an_exception_without_an_answer_is_a_500(registry, clock):
    async def app(scope, receive, send):
        clock.move(3)
        raise Broken

    with pytest.raises(Broken):
        talk(ASGIMiddleware(app, registry))
    assert only(registry) == (("GET", "", "500", f"{__name__}.Broken"), 3)


def test_an_exception_in_the_middle_keeps_the_status(registry):
    async def app(scope, receive, send):
        await send(START)
        await send(MORE)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        talk(ASGIMiddleware(app, registry))
    assert only(registry)[0] == ("GET", "", "200", "ZeroDivisionError")


def test_an_exception_that_the_application_has_answered_is_named(registry, clock):
    async def app(scope, receive, send):
        clock.move(1)
        await send({**START, "status": 500})
        await send(LAST)
        clock.move(2)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        talk(ASGIMiddleware(app, registry))
    assert only(registry) == (("GET", "", "500", "ZeroDivisionError"), 1)


def test_an_exception_of_a_background_task_does_not_change_the_answer(registry):
    async def app(scope, receive, send):
        await send(START)
        await send(LAST)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        talk(ASGIMiddleware(app, registry))
    assert only(registry)[0] == ("GET", "", "200", "")


def test_a_cancelled_request_has_no_status(registry):
    async def app(scope, receive, send):
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        talk(ASGIMiddleware(app, registry))
    assert only(registry)[0] == ("GET", "", "", "asyncio.exceptions.CancelledError")


def test_no_answer_is_a_500_as_servers_have_it(registry):
    async def app(scope, receive, send):
        pass

    talk(ASGIMiddleware(app, registry))
    assert only(registry)[0] == ("GET", "", "500", "500")


@pytest.mark.parametrize("begins", [False, True])
def test_a_client_that_goes_away(registry, clock, begins):
    async def app(scope, receive, send):
        if begins:
            await send(START)
            await send(MORE)
        clock.move(5)
        assert (await receive())["type"] == "http.disconnect"

    talk(ASGIMiddleware(app, registry), received=[{"type": "http.disconnect"}])
    assert only(registry) == (("GET", "", "200" if begins else "", "client_disconnect"), 5)


def test_a_disconnect_after_the_answer_is_none(registry):
    async def app(scope, receive, send):
        await receive()
        await send(START)
        await send(LAST)
        await receive()

    talk(ASGIMiddleware(app, registry), received=[{"type": "http.request"}, {"type": "http.disconnect"}])
    assert only(registry)[0] == ("GET", "", "200", "")


@pytest.mark.parametrize("caught", [False, True])
def test_a_server_that_raises_when_the_client_is_gone(registry, caught):
    async def app(scope, receive, send):
        try:
            await send(START)
            await send(MORE)
        except OSError:
            if not caught:
                raise

    async def send(message):
        if message is MORE:
            raise ConnectionResetError

    if caught:
        talk(ASGIMiddleware(app, registry), send=send)
    else:
        with pytest.raises(ConnectionResetError):
            talk(ASGIMiddleware(app, registry), send=send)
    assert only(registry)[0] == ("GET", "", "200", "client_disconnect")


@pytest.mark.parametrize(
    "messages",
    [
        [{**START, "trailers": True}, LAST, {"type": "http.response.trailers", "headers": []}],
        [START, {"type": "http.response.pathsend", "path": "/file"}],
        [START, {"type": "http.response.zerocopysend", "file": 1, "more_body": False}],
    ],
    ids=["trailers", "pathsend", "zerocopysend"],
)
def test_extensions_of_the_protocol(registry, clock, messages):
    async def app(scope, receive, send):
        for message in messages:
            await send(message)
            if message is not messages[-1]:
                clock.move(1)
        clock.move(10)

    assert talk(ASGIMiddleware(app, registry)) == messages
    assert only(registry) == (("GET", "", "200", ""), len(messages) - 1)


@pytest.mark.parametrize(
    ("messages", "labels"),
    [
        ([{"type": "websocket.accept"}], ("101", "")),
        ([{"type": "websocket.accept"}, {"type": "websocket.close", "code": 1000}], ("101", "")),
        ([{"type": "websocket.close"}], ("403", "")),
        (
            [
                {"type": "websocket.http.response.start", "status": 401, "headers": []},
                {"type": "websocket.http.response.body", "body": b"no"},
            ],
            ("401", ""),
        ),
        ([], ("500", "500")),
    ],
    ids=["accepted", "closed", "refused", "refused with an answer", "not answered"],
)
def test_the_handshake_of_a_websocket(registry, clock, messages, labels):
    async def app(scope, receive, send):
        assert (await receive())["type"] == "websocket.connect"
        clock.move(2)
        for message in messages:
            await send(message)
        clock.move(3600 if messages else 0)  # it stays open

    received = [{"type": "websocket.connect"}]
    sent = talk(ASGIMiddleware(app, registry), {"type": "websocket", "method": "GET"}, received)
    assert sent == messages
    assert only(registry) == (("GET", "", *labels), 2)


def test_a_websocket_has_no_method_in_its_scope(registry):
    async def app(scope, receive, send):
        await send({"type": "websocket.accept"})
        assert (await receive())["type"] == "websocket.disconnect"

    async def main():
        async def nothing(message):
            pass

        async def disconnect():
            return {"type": "websocket.disconnect", "code": 1006}

        await ASGIMiddleware(app, registry)({"type": "websocket", "path": "/"}, disconnect, nothing)

    asyncio.run(main())
    assert only(registry)[0] == ("GET", "", "101", "")


def test_a_websocket_whose_client_goes_away_before_it_is_accepted(registry):
    async def app(scope, receive, send):
        while (await receive())["type"] != "websocket.disconnect":
            pass

    received = [{"type": "websocket.connect"}, {"type": "websocket.disconnect"}]
    talk(ASGIMiddleware(app, registry), {"type": "websocket"}, received)
    assert only(registry)[0] == ("GET", "", "", "client_disconnect")


@pytest.mark.parametrize("kind", ["lifespan", "something.else"])
def test_other_connections_pass(registry, kind):
    passed = []

    async def app(*arguments):
        passed.append(arguments)

    async def main():
        await ASGIMiddleware(app, registry)(*given)

    given = ({"type": kind}, object(), object())
    asyncio.run(main())
    assert passed == [given] and not registry.snapshot()


MESSAGES = st.sampled_from(
    [START, {**START, "status": 500}, LAST, MORE, {"type": "http.response.trailers"}, {"type": "http.response.debug"}]
)


@given(st.lists(MESSAGES), st.sampled_from([None, ValueError, OSError, KeyboardInterrupt]), st.booleans())
def test_each_request_is_recorded_once_and_everything_passes(messages, error, is_gone):
    async def app(scope, receive, send):
        for message in messages:
            await send(message)
        if is_gone:
            await receive()
        if error is not None:
            raise error

    async def receive():
        return {"type": "http.disconnect"}

    async def main():
        sent = []

        async def send(message):
            sent.append(message)

        with pytest.raises(error) if error is not None else contextlib.nullcontext():
            await ASGIMiddleware(app, registry)({"type": "http", "method": "GET"}, receive, send)
        assert sent == messages

    registry = Registry()
    asyncio.run(main())
    assert registry.snapshot().total().count == 1


# ---- WSGI ----


def ask(middleware, environ=None, handler=validator):
    """Return status, headers and body of a request to /secret/1."""
    return call(middleware, {"PATH_INFO": "/secret/1", **(environ or {})}, handler)


def plain(status="200 OK"):
    return status, [("Content-Type", "text/plain")]


def test_a_wsgi_answer_is_measured_until_its_last_part(registry, clock):
    def app(environ, start_response):
        environ["historian.route"] = "/users/<id>"
        clock.move(1)
        start_response(*plain())
        clock.move(2)
        yield b"Ada "
        clock.move(4)
        yield b"Grace"
        clock.move(8)

    assert ask(WSGIMiddleware(validator(app), registry)) == (*plain(), b"Ada Grace")
    assert only(registry) == (("GET", "/users/<id>", "200", ""), 1 + 2 + 4 + 8)


def test_wsgi_statuses_and_methods(registry):
    def app(environ, start_response):
        start_response(*plain(environ["status"]))
        return [b"Ada"]

    middleware = WSGIMiddleware(app, registry)
    for method, status in [("GET", "204 No Content"), ("PUT", "404 Not Found"), ("BREW", "503 Busy"), ("GET", "odd")]:
        ask(middleware, {"REQUEST_METHOD": method, "status": status}, handler=lambda found: found)
    assert list(recorded(registry)) == [
        ("GET", "", "204", ""),
        ("PUT", "", "404", ""),
        ("_OTHER", "", "503", "503"),
        ("GET", "", "_OTHER", ""),
    ]


def test_a_wsgi_exception_before_the_answer(registry):
    def app(environ, start_response):
        raise Broken

    with pytest.raises(Broken):
        ask(WSGIMiddleware(app, registry))
    assert only(registry)[0] == ("GET", "", "500", f"{__name__}.Broken")


def test_a_wsgi_exception_in_the_middle(registry):
    def app(environ, start_response):
        start_response(*plain())
        yield b"Ada"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(WSGIMiddleware(app, registry))
    assert only(registry)[0] == ("GET", "", "200", "ZeroDivisionError")


def test_a_wsgi_answer_that_is_replaced_after_an_error(registry):
    def app(environ, start_response):
        start_response(*plain())
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            start_response(*plain("500 Broken"), sys.exc_info())
        return [b"sorry"]

    assert ask(WSGIMiddleware(app, registry))[0] == "500 Broken"
    assert only(registry)[0] == ("GET", "", "500", "500")


def test_a_wsgi_client_that_goes_away(registry, clock):
    closed = []

    def app(environ, start_response):
        start_response(*plain())
        try:
            while True:
                clock.move(1)
                yield b"Ada"
        finally:
            closed.append(True)

    environ = {}
    setup_testing_defaults(environ)
    body = WSGIMiddleware(app, registry)(environ, lambda status, headers: None)
    assert [next(body) for _ in range(3)] == [b"Ada"] * 3
    body.close()
    body.close()
    assert closed and only(registry) == (("GET", "", "200", "client_disconnect"), 3)


@pytest.mark.parametrize("wraps", [True, False], ids=["file_wrapper", "no file_wrapper"])
def test_files_stay_what_the_server_knows(registry, clock, wraps):
    file = io.BytesIO(b"Ada")

    def app(environ, start_response):
        start_response(*plain())
        return environ.get("wsgi.file_wrapper", FileWrapper)(file)

    environ = {"wsgi.file_wrapper": FileWrapper} if wraps else {}
    setup_testing_defaults(environ)
    body = WSGIMiddleware(app, registry)(environ, lambda status, headers: None)
    assert isinstance(body, FileWrapper) == wraps
    clock.move(2)
    assert b"".join(body) == b"Ada"
    body.close()
    assert file.closed and only(registry) == (("GET", "", "200", ""), 2)


def test_a_wrapper_that_is_no_class_or_takes_no_attributes(registry):
    class Fixed:
        __slots__ = ("file",)

        def __init__(self, file):
            self.file = file

        def __iter__(self):
            return iter([self.file.read()])

    for wrapper in (Fixed, lambda file: file):
        environ = {"wsgi.file_wrapper": wrapper}
        setup_testing_defaults(environ)

        def app(environ, start_response):
            start_response(*plain())
            return environ["wsgi.file_wrapper"](io.BytesIO(b"Ada"))

        body = WSGIMiddleware(app, registry)(environ, lambda status, headers: None)
        assert list(body) == [b"Ada"]
        body.close()
    assert registry.snapshot().total().count == 2


def test_the_length_of_a_single_part_is_still_sent(registry):
    """Servers such as that of the standard library send it if the answer is a list of one part."""

    def app(environ, start_response):
        start_response(*plain())
        return [b"Ada"]

    out = io.BytesIO()
    environ = {}
    setup_testing_defaults(environ)
    handler = SimpleHandler(io.BytesIO(), out, io.StringIO(), environ)
    handler.run(WSGIMiddleware(app, registry))
    assert b"Content-Length: 3\r\n" in out.getvalue() and out.getvalue().endswith(b"\r\n\r\nAda")
    assert only(registry)[0] == ("GET", "", "200", "")


def test_the_write_function_passes(registry):
    written = []

    def app(environ, start_response):
        start_response(*plain())(b"Ada")
        return []

    environ = {}
    setup_testing_defaults(environ)
    body = WSGIMiddleware(app, registry)(environ, lambda status, headers: written.append)
    assert list(body) == [] and written == [b"Ada"]
    assert only(registry)[0] == ("GET", "", "200", "")


# ---- registries ----


def answering(scope_status=200):
    async def app(scope, receive, send):
        scope["historian.route"] = scope["path"]  # what nobody should do
        await send({**START, "status": scope_status})
        await send(LAST)

    return app


def test_label_sets_beyond_the_limit_are_counted_together(registry):
    middleware = ASGIMiddleware(answering(), registry, max_series=3)
    for i in range(3):
        talk(middleware, {"path": f"/{i}"})
    with pytest.warns(FamilyWarning, match="more than max_series=3"):
        talk(middleware, {"path": "/3"})
    for i in range(4, 100):
        talk(middleware, {"path": f"/{i}"})
    counts = {str(key): histogram.count for key, histogram in registry.snapshot().items()}
    assert len(counts) == 4 and counts[f"{NAME}{{overflow=true}}"] == 97


@pytest.mark.parametrize("route", ["/\ud800", "/" * 5000, 7])
def test_routes_that_cannot_be_labels_never_raise(registry, route):
    async def app(scope, receive, send):
        scope["historian.route"] = route
        await send(START)
        await send(LAST)

    if route == 7:
        talk(ASGIMiddleware(app, registry))
        assert only(registry)[0][1] == ""
    else:
        with pytest.warns(FamilyWarning):
            talk(ASGIMiddleware(app, registry))
        assert registry.snapshot().total().count == 1


def test_a_recorder_that_was_removed_counts_again(registry):
    middleware = ASGIMiddleware(answering(), registry)
    talk(middleware)
    (key,) = registry.snapshot()
    assert registry.remove(key).count == 1
    talk(middleware)
    assert registry.snapshot()[key].count == 1


def test_both_share_the_recorders_of_the_default_registry(monkeypatch, registry):
    import historian.registry

    monkeypatch.setattr(historian.registry, "default_registry", registry)

    def app(environ, start_response):
        environ["historian.route"] = "/secret/1"
        start_response(*plain())
        return [b"Ada"]

    talk(ASGIMiddleware(answering()))
    ask(WSGIMiddleware(app))
    ((_, histogram),) = registry.snapshot().items()
    assert histogram.count == 2


def test_arguments_that_are_wrong(registry):
    with pytest.raises(TypeError, match="registry must be a Registry, not str"):
        ASGIMiddleware(answering(), "registry")
    WSGIMiddleware(lambda environ, start_response: [], registry)
    with pytest.raises(ValueError, match="use the same arguments"):
        ASGIMiddleware(answering(), registry, max_series=5)


def test_many_threads(registry):
    def app(environ, start_response):
        environ["historian.route"] = f"/{environ['n'] % 3}"
        start_response(*plain())
        return [b"Ada"]

    middleware = WSGIMiddleware(app, registry)

    def work():
        for n in range(300):
            ask(middleware, {"n": n}, handler=lambda found: found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    by_route = registry.snapshot().by("http.route")
    assert [histogram.count for histogram in by_route.values()] == [400, 400, 400]


# ---- exports ----


def test_opentelemetry_gets_the_names_of_its_conventions(registry):
    pytest.importorskip("opentelemetry.sdk", reason="the SDK is not installed: pip install opentelemetry-sdk")
    from historian.formats.opentelemetry import metrics_data

    talk(ASGIMiddleware(answering(), registry), {"path": "/users/{id}"})
    talk(ASGIMiddleware(answering(503), registry), {"path": ""})
    (metric,) = metrics_data(registry).resource_metrics[0].scope_metrics[0].metrics
    assert (metric.name, metric.unit) == (NAME, "s")
    assert [dict(point.attributes) for point in metric.data.data_points] == [
        {"http.request.method": "GET", "http.route": "/users/{id}", "http.response.status_code": "200"},
        {"http.request.method": "GET", "http.response.status_code": "503", "error.type": "503"},
    ]


def test_prometheus_gets_the_names_that_opentelemetry_would_give_it(registry):
    pytest.importorskip("prometheus_client", reason="prometheus_client is not installed: pip install prometheus-client")
    from historian.formats.prometheus import Collector

    talk(ASGIMiddleware(answering(), registry), {"path": "/users/{id}"})
    (family,) = Collector(registry, underscores=True).collect()
    assert family.name == "http_server_request_duration_seconds"
    assert {name: value for name, value in family.samples[0].labels.items() if name != "le"} == {
        "http_request_method": "GET",
        "http_route": "/users/{id}",
        "http_response_status_code": "200",
    }


# ---- exemplars ----


@pytest.fixture
def tracer():
    sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="needs the extra opentelemetry", exc_type=ImportError)
    return sdk.TracerProvider().get_tracer("tested")


def spans_of(registry):
    """Return the ids of traces of all exemplars, by status."""
    return {
        dict(key.labels)["http.response.status_code"]: [one.labels["trace_id"] for one in histogram.exemplars]
        for key, histogram in registry.snapshot().items()
    }


@pytest.mark.parametrize("place", ["around", "within"])
@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_a_request_is_recorded_with_the_span_of_its_answer(registry, tracer, kind, place):
    traces = []

    @contextlib.contextmanager
    def span(at):
        if at != place:
            yield
            return
        with tracer.start_as_current_span("request") as started:
            traces.append(f"{started.get_span_context().trace_id:032x}")
            yield

    def wsgi(environ, start_response):
        with span("within"):
            start_response("200 OK", [])
        return [b"Ada"]

    async def asgi(scope, receive, send):
        with span("within"):
            await send(START)
            await send(LAST)

    async def nowhere(message):
        pass

    if kind == "wsgi":
        measured = WSGIMiddleware(wsgi, registry, exemplars=True)
        with span("around"):
            answer = measured({"REQUEST_METHOD": "GET"}, lambda status, headers: None)
        assert list(answer) == [b"Ada"]
    else:
        with span("around"):
            asyncio.run(ASGIMiddleware(asgi, registry, exemplars=True)({"type": "http"}, None, nowhere))
    assert spans_of(registry) == {"200": traces} and len(traces) == 1


def test_a_request_without_an_answer_is_recorded_with_the_span_around_it(registry, tracer):
    def app(environ, start_response):
        raise KeyError

    measured = WSGIMiddleware(app, registry, exemplars=True)
    with tracer.start_as_current_span("request") as started, pytest.raises(KeyError):
        measured({"REQUEST_METHOD": "GET"}, None)
    assert spans_of(registry) == {"500": [f"{started.get_span_context().trace_id:032x}"]}


def test_without_a_span_or_without_being_asked_there_are_no_exemplars(registry, tracer):
    def app(environ, start_response):
        start_response("200 OK", [])
        return [b"Ada"]

    list(WSGIMiddleware(app, registry, exemplars=True)({}, lambda status, headers: None))
    with tracer.start_as_current_span("request"):
        list(WSGIMiddleware(app, registry)({}, lambda status, headers: None))
    assert spans_of(registry) == {"200": []} and registry.snapshot().total().count == 2


def test_exemplars_without_opentelemetry_name_the_extra(registry, monkeypatch):
    monkeypatch.setattr("historian._live.exemplars._get_current_span", None)
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    for kind in (ASGIMiddleware, WSGIMiddleware):
        kind(None, registry)
        with pytest.raises(ImportError, match=r"pip install 'latency-historian\[opentelemetry\]'"):
            kind(None, registry, exemplars=True)
