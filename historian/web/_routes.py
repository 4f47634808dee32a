"""Templates of routes, such as ``/users/{id}``: what frameworks leave in a scope of ASGI or an environ of WSGI.

A path is never used instead: clients choose it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

__all__ = ["KEY", "Routes", "wsgi_route"]

#: Where a program may leave the template of a route itself, in the scope or the environ.
KEY = "historian.route"

REST = "/{path}"  # the end of a mount's template, which stands for the rest of the path
MAX_KNOWN = 10_000  # mounts with parameters have a new path for each value


def wsgi_route(environ: Mapping[str, Any]) -> str:
    """Return the template of the route; empty if no route is known.  Flask leaves its request in the environ."""
    found = environ.get(KEY)
    if found is None:
        rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
        found = getattr(rule, "rule", "")
    return found if type(found) is str else ""


class Routes:
    """Finds the templates of routes in scopes of ASGI, as Starlette and FastAPI leave them."""

    __slots__ = ("_endpoints", "_mounts")

    _mounts: dict[str, str]  # templates of mounts, by the part of a path that they matched
    _endpoints: dict[int, tuple[object, list[Any]]]  # an endpoint and the routes to it, by the id of the endpoint

    def __init__(self) -> None:
        self._mounts, self._endpoints = {}, {}

    def route(self, scope: Mapping[str, Any]) -> str:
        """Return the template of the route, with those of the mounts that lead to it; empty if no route is known."""
        if KEY in scope:
            return scope[KEY] if type(scope[KEY]) is str else ""
        route = scope.get("route")
        if route is not None and "app_root_path" not in scope and "fastapi" not in scope:  # most often
            found = getattr(route, "path_format", None)
            return found if type(found) is str else _own_template(route, scope)
        is_mounted = "app_root_path" in scope
        if route is None or is_mounted:
            route = self._innermost(route, scope)
        found = _own_template(route, scope) if route is not None else ""
        if found and is_mounted:
            return self._mount(scope) + (REST if _is_mount(route) else found)
        return found

    def _innermost(self, route: Any, scope: Mapping[str, Any]) -> Any:
        """Return the route of the endpoint.

        Older versions of Starlette leave the endpoint only; so does FastAPI for a route that is not its own.
        """
        endpoint = scope.get("endpoint")
        if endpoint is None or _endpoint(route) is endpoint or (route is not None and not _is_mount(route)):
            return route
        context = (scope.get("fastapi") or {}).get("effective_route_context")
        if context is not None and _endpoint(context.starlette_route) is endpoint:
            return context.starlette_route
        known = self._endpoints.get(id(endpoint))
        if known is None:
            if len(self._endpoints) >= MAX_KNOWN:
                self._endpoints.clear()
            known = endpoint, list(_routes_to(endpoint, getattr(scope.get("router"), "routes", ())))
            self._endpoints[id(endpoint)] = known
        routes = known[1]
        if len(routes) > 1:
            path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
            routes = [one for one in routes if _is_mount(one) or one.path_regex.match(path)]
        return routes[0] if routes else route

    def _mount(self, scope: Mapping[str, Any]) -> str:
        """Return the template of the mounts that have matched; empty if it cannot be found."""
        path = scope.get("root_path", "").removeprefix(scope["app_root_path"])
        found = self._mounts.get(path)
        if found is None:
            if len(self._mounts) >= MAX_KNOWN:
                self._mounts.clear()
            routes = getattr(scope.get("router"), "routes", ())
            found = self._mounts[path] = _mount_template(routes, path) or ""
        return found


def _own_template(route: Any, scope: Mapping[str, Any]) -> str:
    """Return the template of a route, without mounts."""
    fastapi = scope.get("fastapi")
    if fastapi is not None:  # a router that was included: its routes do not know with which prefix
        context = fastapi.get("effective_route_context")
        if context is not None and context.original_route is route:
            route = context.starlette_route or context
    found = getattr(route, "path_format", None) or getattr(route, "path", "")
    return found if type(found) is str else ""


def _routes_to(endpoint: object, routes: Iterable[Any]) -> Iterator[Any]:
    """Yield the routes that lead to an endpoint, also within mounts."""
    for route in routes:
        if _endpoint(route) is endpoint and hasattr(route, "path_regex"):
            yield route
        else:
            yield from _routes_to(endpoint, getattr(route, "routes", None) or ())


def _mount_template(routes: Iterable[Any], path: str) -> str | None:
    """Return the template of the mounts, one in another, that match a path to its end; None if none does."""
    for route in routes:
        inner = getattr(route, "routes", None) or ()
        if not _is_mount(route):
            found = _mount_template(inner, path)  # a host, which has no path
            if found is not None:
                return found
            continue
        match = route.path_regex.match(path + "/")
        if match is None:
            continue
        template: str = route.path_format.removesuffix(REST)
        rest: str = match["path"].removesuffix("/")
        if not rest:
            return template
        deeper = _mount_template(inner, "/" + rest)
        if deeper is not None:
            return template + deeper
    return None


def _endpoint(route: Any) -> object:
    """Return what a route leads to: the endpoint, or the application of a mount."""
    return getattr(route, "endpoint", None) or getattr(route, "app", None)


def _is_mount(route: object) -> bool:
    """Return whether a route leads to another application; such have no methods and match the rest of the path."""
    template = getattr(route, "path_format", None)
    return type(template) is str and template.endswith(REST) and not hasattr(route, "methods")
