"""The routes of Django, for `historian.web.middleware`.

Django keeps the route of a request where middleware around the application cannot see it.  Name the middleware of this
module, first in the settings:

.. code-block:: python

    MIDDLEWARE = ["historian.web.django.name_route", ...]

and put `historian.web.middleware.WSGIMiddleware` around the application in ``wsgi.py``, or `ASGIMiddleware` in
``asgi.py``.
"""

from __future__ import annotations

from inspect import iscoroutinefunction

from ._requests.routes import KEY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["name_route"]


def name_route(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return middleware of Django that leaves the template of each route, such as ``/users/<int:id>``, for others.

    It works in synchronous and asynchronous chains.
    """
    if iscoroutinefunction(get_response):

        async def name_later(request: Any) -> Any:
            response = await get_response(request)
            _name(request)
            return response

        return name_later

    def name(request: Any) -> Any:
        response = get_response(request)
        _name(request)
        return response

    return name


name_route.sync_capable = name_route.async_capable = True  # type: ignore[attr-defined]  # as Django asks for it


def _name(request: Any) -> None:
    match = request.resolver_match
    if match is not None:
        place = request.scope if hasattr(request, "scope") else request.environ
        place[KEY] = f"/{match.route}"
