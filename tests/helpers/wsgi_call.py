"""Calls of WSGI applications, as a server makes them."""

import io
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator


def call(application, environ=None, handler=validator):
    """Return status, headers and body of the last answer that was begun.  The standard library's validator watches."""
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SCRIPT_NAME": "", "QUERY_STRING": "", **(environ or {})}
    setup_testing_defaults(environ)
    environ.setdefault("wsgi.input", io.BytesIO())
    started = []

    def start_response(status, headers, exc_info=None):
        started.append((status, headers))
        return lambda data: None

    body = handler(application)(environ, start_response)
    try:
        content = b"".join(body)
    finally:
        body.close()
    return *started[-1], content
