"""What the OpenAPI document says beyond the routes: tags, the Problem schema, what every POST can answer."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api.errors import PROBLEM_MEDIA_TYPE, Problem, errors
from api.platform.sizes import note_sizes
from domain.platform import errors as platform
from domain.platform.errors import ErrorCode

_POST_REFUSALS = (
    platform.IDEMPOTENCY_KEY_REUSED,
    platform.IDEMPOTENCY_IN_FLIGHT,
    platform.REQUEST_MALFORMED,
    platform.REQUEST_TOO_LARGE,
)


def install_openapi(
    app: FastAPI, routes: Sequence[BaseRoute], max_body_bytes: int, exceptions: Mapping[str, int]
) -> None:
    """Replace the app's generator by one that completes FastAPI's document of these routes.

    An operation's id is its function's name, unless its route says another.
    """
    for route in routes:
        if isinstance(route, APIRoute):
            route.operation_id = route.operation_id or route.name

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(
                get_openapi(
                    title=app.title,
                    version=app.version,
                    summary=app.summary,
                    description=app.description,
                    tags=app.openapi_tags,
                    routes=routes,
                )
            )
            note_sizes(app.openapi_schema, max_body_bytes, exceptions)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]

    @cache
    def text() -> bytes:
        return json.dumps(openapi(), ensure_ascii=False, separators=(",", ":")).encode()

    async def document(_: Request) -> Response:
        return Response(text(), media_type="application/json")

    # Written once: nobody's limits count for the document, and it takes as long as dozens of requests to write.
    app.router.routes = [
        Route(path, document, include_in_schema=False) if path == app.openapi_url else route
        for route in app.router.routes
        for path in (getattr(route, "path", ""),)
    ]


def _complete(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    _name_by_title(document, schemas)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", ()):
                # Looked at by hand, because its absence has a word of the protocol's own.
                if parameter["name"] == "UCP-Agent":
                    parameter |= {"required": True, "schema": {"type": "string"}}
            responses = operation["responses"]
            answers = [answer for status, answer in responses.items() if status < "300"]
            _give_examples(schemas, [operation.get("requestBody", {}), *answers])
            # FastAPI's own description of a 422 names a document this API never sends.
            if "HTTPValidationError" in str(responses.get("422", {}).get("content", {}).get("application/json")):
                del responses["422"]
            if path.startswith(("/v1", "/codec")):
                _merge(responses, errors(*_refusals(method, operation)))
    return document


def _name_by_title(document: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Give schemas the names that generated clients read: ``ListingPage``, not ``Page_ListingOut_``.

    Raises ValueError when two have one title, because a generator would drop one of them.
    """
    titles = {name: schema.get("title", name) for name, schema in schemas.items()}
    if len(set(titles.values())) < len(titles):
        raise ValueError(f"two schemas have one title: {sorted(titles.values())}")
    references = {f"#/components/schemas/{name}": f"#/components/schemas/{title}" for name, title in titles.items()}
    renamed = [(titles[name], schema) for name, schema in schemas.items()]
    schemas.clear()
    schemas.update(sorted(renamed))
    waiting: list[Any] = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if "$ref" in node:
                node["$ref"] = references[node["$ref"]]
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _give_examples(schemas: dict[str, Any], bodies: list[dict[str, Any]]) -> None:
    """Write each body's worked example out where readers look for it, put together from its schema's."""
    for body in bodies:
        for media in body.get("content", {}).values():
            if "example" in media or "examples" in media:
                continue
            found = _example(schemas, media.get("schema", {}))
            if found is not None:
                media["example"] = found


def _example(schemas: dict[str, Any], schema: dict[str, Any]) -> Any:
    """The example of a schema, or of its parts; None when it has none."""
    if "$ref" in schema:
        return _example(schemas, schemas[schema["$ref"].rsplit("/", 1)[-1]])
    if schema.get("examples"):
        return schema["examples"][0]
    if "anyOf" in schema:
        return next((found for part in schema["anyOf"] if (found := _example(schemas, part)) is not None), None)
    if schema.get("type") == "array":
        found = _example(schemas, schema.get("items", {}))
        return None if found is None else [found]
    if schema.get("type") == "object" and "properties" in schema:
        parts = {name: _example(schemas, part) for name, part in schema["properties"].items()}
        return parts if any(found is not None for found in parts.values()) else None
    return None


def _refusals(method: str, operation: dict[str, Any]) -> list[ErrorCode]:
    """What an operation can refuse for its method, its Idempotency-Key, and the kind of key it was called with."""
    keyed = any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))
    codes: list[ErrorCode] = []
    if method == "post" or keyed:
        codes += _POST_REFUSALS
    elif method in ("put", "patch"):
        codes += (platform.REQUEST_MALFORMED, platform.REQUEST_TOO_LARGE)
    needs_key = operation.get("security") and {} not in operation["security"]
    if needs_key and platform.OPERATOR_REQUIRED.code not in operation["responses"].get("403", {}).get(
        "description", ""
    ):
        codes.append(platform.AGENT_REQUIRED)
    return codes


def _merge(responses: dict[str, Any], more: dict[int | str, dict[str, Any]]) -> None:
    for status, addition in more.items():
        entry = responses.setdefault(str(status), addition)
        examples = entry.setdefault("content", {}).setdefault(
            PROBLEM_MEDIA_TYPE, {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
        )["examples"]
        examples.update(addition["content"][PROBLEM_MEDIA_TYPE]["examples"])
        entry["description"] = ", ".join(examples)
