"""`Request`: the head of an HTTP request, read strictly."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

__all__ = ["MAX_HEAD_NBYTES", "Refused", "Request"]

MAX_HEAD_NBYTES = 16_384  # of the request line and all headers
MAX_HEADERS = 100

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # of RFC 9110: a method, the name of a header
TARGET = re.compile(rb"[!-~\x80-\xff]+")
VALUE = re.compile(rb"[\t -~\x80-\xff]*")
VERSION = re.compile(rb"HTTP/\d\.\d")


class Refused(Exception):
    """A request that is not answered as it asks; its arguments are status, reason and message."""


class Request(NamedTuple):
    """What a client asks for."""

    method: str
    path: str  # decoded, without the query
    query: bytes
    version: str  # "1.0" or "1.1"
    headers: list[tuple[bytes, bytes]]  # names in lower case
    host: str | None  # whom the client calls, perhaps with a port; None in HTTP/1.0, where it need not say so

    @classmethod
    def of(cls, head: bytes) -> Request:
        """Return the request with this head, which ends in an empty line.  Raises Refused if it is not valid."""
        line, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        method, target, version, authority = _request_line(line)
        if len(lines) > MAX_HEADERS:
            raise Refused(431, "Request Header Fields Too Large", f"more than {MAX_HEADERS} headers")
        headers = [_header(one) for one in lines]
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) > 1 or (version == "1.1" and not hosts):
            raise _bad("one header Host is required")
        host = authority if authority is not None else hosts[0] if hosts else None
        path, _, query = target.partition(b"?")
        decoded = unquote_to_bytes(path).decode("utf-8", "replace")
        return cls(method, decoded, query, version, headers, None if host is None else host.decode("latin-1"))


def _request_line(line: bytes) -> tuple[str, bytes, str, bytes | None]:
    """Return method, target and version, and the host if the target names one."""
    parts = line.split(b" ")
    if len(parts) != 3 or not TOKEN.fullmatch(parts[0]) or not TARGET.fullmatch(parts[1]):
        raise _bad("the first line must be METHOD PATH HTTP/1.1")
    method, target, version = parts
    if not VERSION.fullmatch(version):
        raise _bad("the first line must end in HTTP/1.1")
    if not version.startswith(b"HTTP/1."):
        raise Refused(505, "HTTP Version Not Supported", "use HTTP/1.1")
    authority = None
    if target.lower().startswith((b"http://", b"https://")):  # as a proxy gets it
        authority, _, path = target.partition(b"//")[2].partition(b"/")
        target = b"/" + path
    if not target.startswith(b"/") and target != b"*":
        raise _bad("the path must begin with /")
    return method.decode(), target, "1.0" if version == b"HTTP/1.0" else "1.1", authority


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not TOKEN.fullmatch(name) or not VALUE.fullmatch(value):
        raise _bad("a header must be NAME: VALUE")
    return name.lower(), value.strip()


def _bad(message: str) -> Refused:
    return Refused(400, "Bad Request", message)
