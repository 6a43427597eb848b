"""Routes found by how a path begins: the same as by trying one after the other."""

import re

import pytest
from starlette.routing import BaseRoute, Match, Route, Router

from api.platform.parts import ApiParts
from api.platform.routing import RouteTable
from api.routers import list_routers
from config.contexts import CONTEXTS

ROUTES = [route for router in list_routers(ApiParts(CONTEXTS)) for route in router.routes if isinstance(route, Route)]
TABLE = RouteTable(ROUTES)


def _scope(path: str, method: str) -> dict[str, object]:
    return {"type": "http", "method": method, "path": path, "headers": []}


def _by_trying(routes: list[Route], scope: dict[str, object]) -> tuple[Match, BaseRoute | None]:
    found = [(match, route) for route in routes if (match := route.matches(scope)[0]) is not Match.NONE]
    full = [each for each in found if each[0] is Match.FULL]
    return (full or found or [(Match.NONE, None)])[0]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_the_route_of_every_path_is_the_one_that_trying_all_finds(method: str):
    paths = {re.sub(r"\{[^}]*\}", "7", route.path) for route in ROUTES}
    assert len(paths) > 90
    for path in [*paths, *(f"{path}/" for path in paths), *(f"{path}/more" for path in paths), "", "/", "/v1", "/v2/7"]:
        scope = _scope(path, method)
        match, found = TABLE.matches(scope)
        assert (match, found.get("route")) == _by_trying(ROUTES, scope), path


def test_few_routes_are_tried():
    assert max(len(TABLE.candidates(route.path)) for route in ROUTES) < 20
    assert TABLE.candidates("/v1/no-such-thing") == TABLE.candidates("/nowhere/7") == ()


def test_a_parameter_may_come_second_beside_words():
    async def answer(_: object) -> None: ...

    paths = ("/lamps/new", "/lamps/{lamp}", "/lamps", "/lamps/old", "/oils/{oil}/price")
    routes = [Route(path, answer) for path in paths]
    table = RouteTable(routes)
    for path in (*paths, "/lamps/7", "/oils/7/price", "/oils/7", "/lamps/7/price"):
        scope = _scope(path, "GET")
        match, found = table.matches(scope)
        assert (match, found.get("route")) == _by_trying(routes, scope), path


async def test_a_request_is_handed_on_to_its_route():
    async def answer(scope: dict[str, object], receive: object, send: object) -> None:
        handled.append(scope["path_params"])

    handled: list[object] = []
    route = Route("/lamps/{lamp}", lambda _: None)
    route.app = answer
    await Router([RouteTable([route])])(_scope("/lamps/7", "GET") | {"root_path": ""}, None, None)
    assert handled == [{"lamp": "7"}]
