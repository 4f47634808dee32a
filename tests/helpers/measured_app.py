"""Applications in the middleware of historian.web, as a service has them: ``asgi`` and ``wsgi``."""

import time

from historian.web.middleware import ASGIMiddleware, WSGIMiddleware

TYPE = (b"content-type", b"text/plain")
PART = b"x" * 65_536


@ASGIMiddleware
async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    scope["historian.route"] = "/" + scope["path"].split("/")[1]
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
    elif scope["path"] == "/broken":
        raise LookupError
    elif scope["path"] == "/endless":
        await send({"type": "http.response.start", "status": 200, "headers": [TYPE]})
        await send({"type": "http.response.body", "body": PART, "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
    else:
        await send({"type": "http.response.start", "status": 200, "headers": [TYPE, (b"content-length", b"8")]})
        for more in (True, False):
            if scope["path"] == "/slow":
                time.sleep(0.02)
            await send({"type": "http.response.body", "body": b"Ada ", "more_body": more})


@WSGIMiddleware
def wsgi(environ, start_response):
    environ["historian.route"] = "/" + environ["PATH_INFO"].split("/")[1]
    if environ["PATH_INFO"] == "/broken":
        raise LookupError
    headers = [("Content-Type", "text/plain")]
    if environ["PATH_INFO"] == "/endless":
        start_response("200 OK", headers)
        while True:
            yield PART
    start_response("200 OK", [*headers, ("Content-Length", "8")])
    for _ in range(2):
        if environ["PATH_INFO"] == "/slow":
            time.sleep(0.02)
        yield b"Ada "
