"""Finding a request's route without trying all of more than a hundred."""

from collections.abc import Iterable

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send


class RouteTable(BaseRoute):
    """Routes by how their paths begin. Among those the first that fits has a request, as in a list of all."""

    def __init__(self, routes: Iterable[Route]) -> None:
        all_routes = tuple(routes)
        begins = [_beginning(route.path) for route in all_routes]
        self._routes = {
            beginning: tuple(
                route for route, own in zip(all_routes, begins, strict=True) if own in (beginning, _short(beginning))
            )
            for beginning in begins
        }

    def candidates(self, path: str) -> tuple[Route, ...]:
        """The routes that may fit."""
        long = _long(path)
        return self._routes.get(long) or self._routes.get(_short(long), ())

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        partial: tuple[Match, Scope] = Match.NONE, {}
        if scope["type"] != "http":
            return partial
        for route in self.candidates(_path_below_mount(scope)):
            match, child = route.matches(scope)
            if match is Match.FULL:
                return match, {**child, "route": route}
            if match is Match.PARTIAL and partial[0] is Match.NONE:
                partial = match, {**child, "route": route}
        return partial

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["route"].handle(scope, receive, send)


def _path_below_mount(scope: Scope) -> str:
    """The path that routes are written for: without what the server or an outer application is mounted under."""
    path, mount = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    return path[len(mount) :] if mount and path.startswith(f"{mount}/") else path


def _long(path: str) -> str:
    """The first two segments: "/v1/listings" of "/v1/listings/7"."""
    return "/".join(path.split("/", 3)[:3])


def _short(path: str) -> str:
    """The first one."""
    return "/".join(path.split("/", 2)[:2])


def _beginning(template: str) -> str:
    """As many of a route's first two segments as are no parameters."""
    short, long = _short(template), _long(template)
    assert "{" not in short, template
    return short if "{" in long else long
