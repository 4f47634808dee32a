"""`Hosts`: the names by which clients may call a server on a loopback address.

A web page of somebody else may have a name that, a moment later, means 127.0.0.1 (DNS rebinding).  Its scripts could
then read what this server answers, as if they came from it.  The header Host tells: it still has that name.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

__all__ = ["Hosts"]

_HOST = re.compile(r"(?:\[([0-9a-f:.%]{2,60})\]|([^\[\]:/@?#\s]{1,253}))(?::[0-9]{1,5})?", re.IGNORECASE)


class Hosts:
    """Which values of the header Host are accepted.

    On a loopback address: names and addresses of this machine itself, and the `host` that was asked for.  On any other
    address, all: there, other machines may connect anyway, by whatever name they know.

    >>> hosts = Hosts("127.0.0.1", "127.0.0.1")
    >>> hosts.accept("localhost:9464"), hosts.accept("[::1]:8000"), hosts.accept("example.org:9464")
    (True, True, False)
    """

    def __init__(self, address: str, host: str) -> None:
        self._is_open = not _is_loopback(address)
        self._host = host.lower()

    def accept(self, host: str) -> bool:
        """Return whether a client may call this server so.  A port does not matter."""
        if self._is_open:
            return True
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = (match[1] or match[2]).lower().removesuffix(".")
        return name == self._host or name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


def _is_loopback(address: str) -> bool:
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)
