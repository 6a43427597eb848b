"""A router that looks at its routes only for paths that begin as they do."""

import re

from starlette.routing import Match

from api.platform.routing import Router
from api.routers import ROUTERS


def _scope(path: str) -> dict[str, object]:
    return {"type": "http", "method": "GET", "path": path, "headers": []}


def test_every_route_of_the_api_begins_as_its_router_says():
    assert all(isinstance(router, Router) for router in ROUTERS)
    for router in ROUTERS:
        for route in router.routes:
            asked = re.sub(r"\{[^}]*\}", "7", route.path)
            assert router.may_have(asked), route.path
            assert router.may_have(asked + "/"), route.path


def test_other_paths_are_not_tried(monkeypatch):
    router = Router(prefix="/v1/lamps")

    @router.get("/{lamp_id}")
    async def get_lamp(lamp_id: str) -> str:
        return lamp_id

    tried: list[str] = []
    monkeypatch.setattr("fastapi.APIRouter.matches", lambda _, scope: tried.append(scope["path"]) or (Match.FULL, {}))
    for path in ("/", "/v1", "/v1/oils/7", "/v1/lamps-and-oils/7", "/v2/lamps/7"):
        assert router.matches(_scope(path)) == (Match.NONE, {})
    assert not tried
    for path in ("/v1/lamps/7", "/v1/lamps", "/v1/lamps/"):
        assert router.matches(_scope(path))[0] is Match.FULL
    assert len(tried) == 3
