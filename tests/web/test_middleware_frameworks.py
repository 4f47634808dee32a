"""The middleware around applications of real frameworks: which routes and errors they have."""

import subprocess
import sys
import textwrap

import pytest

from historian import Registry
from historian.web.middleware import ASGIMiddleware, WSGIMiddleware


@pytest.fixture
def registry():
    return Registry()


def recorded(registry):
    """Return what was recorded since the last call, sorted: (method, route, status, error, count)."""
    names = ("http.request.method", "http.route", "http.response.status_code", "error.type")
    found = registry.drain()
    return sorted(
        (*(dict(key.labels)[name] for name in names), histogram.count)
        for key, histogram in found.items()
        if histogram.count
    )


# ---- Starlette ----


class Broken(Exception):
    pass


@pytest.fixture
def starlette(registry):
    """Return a client of an application with routes of all kinds; its middleware is added, or is around it."""
    pytest.importorskip("starlette", reason="starlette is not installed: pip install starlette")
    pytest.importorskip("httpx2", reason="starlette is tested by httpx2: pip install httpx2")
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.responses import PlainTextResponse, StreamingResponse
    from starlette.routing import Host, Mount, Route, WebSocketRoute
    from starlette.testclient import TestClient

    async def user(request):
        return PlainTextResponse(request.path_params["user"])

    def plain(request):  # in a thread
        return PlainTextResponse("Ada")

    async def broken(request):
        raise Broken

    async def stream(request):
        async def parts():
            yield "Ada, "
            yield "Grace"

        return StreamingResponse(parts(), background=BackgroundTask(plain, request))

    async def echo(websocket):
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.close()

    async def refuse(websocket):
        await websocket.close()

    async def anything(scope, receive, send):
        await PlainTextResponse("mounted")(scope, receive, send)

    inner = [Route("/users/{user:str}", user), Route("/", plain), WebSocketRoute("/echo/{user}", echo)]
    routes = [
        Route("/plain", plain),
        Route("/users/{user}", user, methods=["GET", "PUT"]),
        Route("/broken/{user}", broken),
        Route("/stream", stream),
        WebSocketRoute("/echo/{user}", echo),
        WebSocketRoute("/refuse", refuse),
        Mount("/api", routes=[*inner, Mount("/deep", routes=inner)]),
        Mount("/of/{tenant}", Starlette(routes=[*inner, Mount("/{kind}", routes=inner)])),
        Mount("/files", anything),
        Host("{name}.example", Starlette(routes=[*inner, Mount("/at/{tenant}", routes=inner)])),
    ]

    def client(around=False, **options):
        app = Starlette(routes=routes)
        if around:
            app = ASGIMiddleware(app, registry)
        else:
            app.add_middleware(ASGIMiddleware, registry=registry)
        return TestClient(app, raise_server_exceptions=False, **options)

    return client


@pytest.mark.parametrize("around", [False, True])
@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/plain", "/plain"),
        ("/users/ada", "/users/{user}"),
        ("/stream", "/stream"),
        ("/api/", "/api/"),
        ("/api/users/ada", "/api/users/{user}"),
        ("/api/deep/users/ada", "/api/deep/users/{user}"),
        ("/of/acme/users/ada", "/of/{tenant}/users/{user}"),
        ("/of/acme/cats/users/ada", "/of/{tenant}/{kind}/users/{user}"),
        ("/files/a/b", "/files/{path}"),
        ("http://ada.example/users/ada", "/users/{user}"),
        ("http://ada.example/at/acme/users/ada", "/at/{tenant}/users/{user}"),
    ],
)
def test_routes_of_starlette(starlette, registry, path, route, around):
    client = starlette(around)
    assert client.get(path).status_code == client.get(path).status_code == 200
    assert recorded(registry) == [("GET", route, "200", "", 2)]


def test_a_prefix_of_the_server_is_not_a_part_of_the_route(starlette, registry):
    client = starlette(root_path="/proxy")
    for path in ("/proxy/users/ada", "/users/ada", "/proxy/of/acme/users/ada"):
        assert client.get(path).status_code == 200
    assert recorded(registry) == [
        ("GET", "/of/{tenant}/users/{user}", "200", "", 1),
        ("GET", "/users/{user}", "200", "", 2),
    ]


def test_paths_that_starlette_does_not_find(starlette, registry):
    client = starlette()
    for path in ("/no", "/users", "/no/2", "/api/no", "/of/acme/no/x", "/of/other/no/x"):
        assert client.get(path).status_code == 404
    assert client.post("/users/ada").status_code == 405
    assert client.request("BREW", "/plain").status_code == 405
    routes = [(method, route, status) for method, route, status, *_ in recorded(registry)]
    assert routes == [
        ("GET", "", "404"),
        ("GET", "/api/{path}", "404"),
        ("GET", "/of/{tenant}/{kind}/{path}", "404"),
        ("POST", "/users/{user}", "405"),
        ("_OTHER", "/plain", "405"),
    ]


def test_a_version_of_starlette_that_leaves_no_route(starlette, registry):
    """The endpoint is looked up.  Some are at several paths."""
    client = starlette()
    app = client.app

    class Forgetful(dict):
        def __setitem__(self, key, value):
            if key != "route":
                super().__setitem__(key, value)

    async def forget(scope, receive, send):
        await app(Forgetful(scope), receive, send)

    client.app = client._transport.app = forget
    for path in ("/plain", "/api/", "/users/ada", "/of/acme/users/ada", "/files/a", "/api/no", "/nowhere"):
        client.get(path)
    assert [(route, status) for _, route, status, *_ in recorded(registry)] == [
        ("", "404"),
        ("/api/", "200"),
        ("/api/{path}", "404"),
        ("/files/{path}", "200"),
        ("/of/{tenant}/users/{user}", "200"),
        ("/plain", "200"),
        ("/users/{user}", "200"),
    ]


@pytest.mark.parametrize("around", [False, True])
def test_exceptions_of_starlette(starlette, registry, around):
    """Around the application, its own handler answers, and then raises."""
    assert starlette(around).get("/broken/1").status_code == 500
    assert recorded(registry) == [("GET", "/broken/{user}", "500", f"{__name__}.Broken", 1)]


def test_websockets_of_starlette(starlette, registry):
    from starlette.websockets import WebSocketDisconnect

    client = starlette()
    for path in ("/echo/ada", "/api/echo/ada"):
        with client.websocket_connect(path) as websocket:
            websocket.send_text("Ada")
            assert websocket.receive_text() == "Ada"
    for path in ("/refuse", "/nowhere"):
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(path):
            pass
    assert recorded(registry) == [
        ("GET", "", "403", "", 1),
        ("GET", "/api/echo/{user}", "101", "", 1),
        ("GET", "/echo/{user}", "101", "", 1),
        ("GET", "/refuse", "403", "", 1),
    ]


def test_lifespan_of_starlette(registry):
    pytest.importorskip("httpx2")
    starlette = pytest.importorskip("starlette.applications")
    from contextlib import asynccontextmanager

    from starlette.testclient import TestClient

    seen = []

    @asynccontextmanager
    async def lifespan(app):
        seen.append("begins")
        yield
        seen.append("ends")

    with TestClient(ASGIMiddleware(starlette.Starlette(lifespan=lifespan), registry)):
        assert seen == ["begins"]
    assert seen == ["begins", "ends"] and recorded(registry) == []


# ---- FastAPI ----


def test_routes_of_fastapi(registry):
    fastapi = pytest.importorskip("fastapi", reason="fastapi is not installed: pip install fastapi")
    pytest.importorskip("httpx2", reason="fastapi is tested by httpx2: pip install httpx2")
    from fastapi.testclient import TestClient

    users, inner = fastapi.APIRouter(prefix="/users"), fastapi.APIRouter()

    @users.get("/{user}")
    async def user(user: int):
        if user > 1:
            raise fastapi.HTTPException(409)
        return user

    @users.websocket("/{user}/echo")
    async def echo(websocket: fastapi.WebSocket, user: int):
        await websocket.accept()
        await websocket.close()

    @inner.get("/deep/{x}")
    def deep(x: int):
        return x / 0

    async def starlette(request):
        return fastapi.Response()

    async def starlette_too(request):
        return fastapi.Response()

    async def starlette_three(request):
        return fastapi.Response()

    inner.add_route("/starlette/{x}", starlette_three)
    users.include_router(inner, prefix="/inner")
    app, part = fastapi.FastAPI(), fastapi.FastAPI()
    part.include_router(users)
    part.get("/own/{x}")(lambda x: x)
    app.include_router(users, prefix="/v1")
    app.include_router(users, prefix="/v2/{tenant}")
    app.get("/own/{x}")(lambda x: x)
    app.mount("/part/{name}", part)
    app.add_route("/starlette/{x}", starlette)
    part.add_route("/starlette/{x}", starlette_too)
    app.add_middleware(ASGIMiddleware, registry=registry)
    client = TestClient(app, raise_server_exceptions=False)
    for path, status in [
        ("/v1/users/1", 200),
        ("/v1/users/2", 409),
        ("/v1/users/x", 422),
        ("/v1/users/inner/deep/1", 500),
        ("/v2/acme/users/1", 200),
        ("/own/1", 200),
        ("/part/a/users/1", 200),
        ("/part/a/own/1", 200),
        ("/part/a/starlette/1", 200),
        ("/part/a/nowhere", 404),
        ("/starlette/1", 200),
        ("/v2/acme/users/inner/starlette/1", 200),
        ("/nowhere", 404),
    ]:
        assert client.get(path).status_code == status, path
    with client.websocket_connect("/v2/acme/users/1/echo"):
        pass
    assert recorded(registry) == [
        ("GET", "", "404", "", 1),
        ("GET", "/own/{x}", "200", "", 1),
        ("GET", "/part/{name}/own/{x}", "200", "", 1),
        ("GET", "/part/{name}/starlette/{x}", "200", "", 1),
        ("GET", "/part/{name}/users/{user}", "200", "", 1),
        ("GET", "/part/{name}/{path}", "404", "", 1),
        ("GET", "/starlette/{x}", "200", "", 1),
        ("GET", "/v1/users/inner/deep/{x}", "500", "ZeroDivisionError", 1),
        ("GET", "/v1/users/{user}", "200", "", 1),
        ("GET", "/v1/users/{user}", "409", "", 1),
        ("GET", "/v1/users/{user}", "422", "", 1),
        ("GET", "/v2/{tenant}/users/inner/starlette/{x}", "200", "", 1),
        ("GET", "/v2/{tenant}/users/{user}", "200", "", 1),
        ("GET", "/v2/{tenant}/users/{user}/echo", "101", "", 1),
    ]


# ---- Flask ----


@pytest.mark.parametrize("testing", [False, True])
def test_routes_of_flask(registry, testing):
    flask = pytest.importorskip("flask", reason="flask is not installed: pip install flask")
    from werkzeug.middleware.dispatcher import DispatcherMiddleware
    from werkzeug.test import Client

    app, users = flask.Flask("app"), flask.Blueprint("users", "users", url_prefix="/users")
    app.testing = testing  # exceptions pass

    @users.get("/<int:user>")
    def user(user):
        return str(user)

    @users.get("/<int:user>/stream")
    def stream(user):
        return flask.Response(iter(["Ada, ", "Grace"]))

    @users.get("/<int:user>/broken")
    def broken(user):
        raise Broken

    @users.get("/<int:user>/file")
    def file(user):
        return flask.send_file(__file__)

    app.register_blueprint(users)
    app.wsgi_app = WSGIMiddleware(app.wsgi_app, registry)
    client = Client(DispatcherMiddleware(flask.Flask("other"), {"/shop": app}))
    statuses = [
        client.get(f"/shop/users/{path}", buffered=True).status_code for path in ("1", "1/stream", "2/file", "no")
    ]
    assert statuses == [200, 200, 200, 404]
    assert client.post("/shop/users/1", buffered=True).status_code == 405
    if testing:
        with pytest.raises(Broken):
            client.get("/shop/users/1/broken")
    else:
        assert client.get("/shop/users/1/broken", buffered=True).status_code == 500
    assert recorded(registry) == [
        ("GET", "", "404", "", 1),
        *([("GET", "", "500", f"{__name__}.Broken", 1)] if testing else []),  # Flask has forgotten the route
        ("GET", "/users/<int:user>", "200", "", 1),
        *([] if testing else [("GET", "/users/<int:user>/broken", "500", "500", 1)]),
        ("GET", "/users/<int:user>/file", "200", "", 1),
        ("GET", "/users/<int:user>/stream", "200", "", 1),
        ("POST", "", "405", "", 1),
    ]


# ---- Django ----

DJANGO = """
import asyncio, json, sys
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import include, path, re_path

from historian import Registry
from historian.web.middleware import ASGIMiddleware, WSGIMiddleware

def user(request, user):
    return HttpResponse(str(user))

async def user_later(request, user):
    return HttpResponse(str(user))

def stream(request):
    return StreamingHttpResponse(iter(["Ada, ", "Grace"]))

def broken(request):
    raise LookupError

inner = [path("<int:user>/", user), path("later/<int:user>/", user_later), path("stream/", stream)]

class urls:
    urlpatterns = [path("users/", include(inner)), re_path("^broken/[0-9]+/$", broken)]

settings.configure(
    ALLOWED_HOSTS=["*"], ROOT_URLCONF=urls, LOGGING_CONFIG=None,
    MIDDLEWARE=["historian.web.django.name_route", "django.middleware.common.CommonMiddleware"],
)
registry = Registry()
PATHS = ["/users/1/", "/users/2/", "/users/later/1/", "/users/stream/", "/broken/7/", "/users/x/", "/nowhere"]
"""

WSGI = """
import io
from wsgiref.util import setup_testing_defaults

application = WSGIMiddleware(get_wsgi_application(), registry)

def get(path):
    environ = {"PATH_INFO": path}
    setup_testing_defaults(environ)
    body = application(environ, lambda status, headers, error=None: None)
    list(body)
    body.close()
"""

ASGI = """
application = ASGIMiddleware(get_asgi_application(), registry)

async def get_later(path):
    received = [{"type": "http.request", "body": b""}]

    async def receive():
        if not received:
            await asyncio.sleep(3600)
        return received.pop()

    async def send(message):
        pass

    scope = {
        "type": "http", "method": "GET", "path": path, "headers": [], "query_string": b"", "server": ("x", 80),
        "client": ("x", 1), "scheme": "http", "http_version": "1.1", "asgi": {"version": "3.0"},
    }
    await application(scope, receive, send)

def get(path):
    asyncio.run(get_later(path))
"""

PRINT = """
for path in PATHS:
    get(path)
for key, histogram in sorted(registry.snapshot().items()):
    labels = dict(key.labels)
    print(labels["http.route"], labels["http.response.status_code"], labels["error.type"], histogram.count)
"""


@pytest.mark.parametrize("kind", [WSGI, ASGI], ids=["wsgi", "asgi"])
def test_routes_of_django(kind):
    """In a process of its own, as Django is configured once for a process."""
    pytest.importorskip("django", reason="django is not installed: pip install django")
    command = [sys.executable, "-c", textwrap.dedent(DJANGO + kind + PRINT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [
        " 404  2",
        "/^broken/[0-9]+/$ 500 500 1",
        "/users/<int:user>/ 200  2",
        "/users/later/<int:user>/ 200  1",
        "/users/stream/ 200  1",
    ]
