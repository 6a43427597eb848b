"""The client's table of operations against the OpenAPI document: neither has what the other lacks.

Every operation is called with made-up arguments, so what is compared is what it would really send: ``{offer_id}``
for an argument called ``offer_id`` makes the path come out as the document writes it.
"""

import inspect
import types
import typing
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from fastapi import FastAPI

from souk_client.calls import Call, PageCall, StreamCall
from souk_client.operations import raw
from souk_client.souk import ListMethod, Operations, RequestMethod, StreamMethod

TABLE = {
    name: found.build
    for name, found in vars(Operations).items()
    if isinstance(found, RequestMethod | ListMethod | StreamMethod) and found.build.__module__ != raw.__name__
}
Document = dict[str, Any]


@pytest.fixture(scope="module")
def document(app: FastAPI) -> Document:
    return app.openapi()


def inner(kind: Any) -> Any:
    """A type without its None."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return next(part for part in typing.get_args(kind) if part is not type(None))
    return kind


def made_up(name: str, kind: Any) -> Any:
    kind = inner(kind)
    if typing.get_origin(kind) is Literal:
        return typing.get_args(kind)[0]
    if typing.get_args(kind):
        return ["https://souk.example/1.png"] if typing.get_args(kind) == (str,) else []
    return {str: f"{{{name}}}", int: 1, float: 1.0, bool: True}[kind]


def sent(name: str, *, everything: bool) -> Any:
    """The operation with all of its arguments, or with those it must have."""
    build, hints = TABLE[name], typing.get_type_hints(TABLE[name])
    parameters = inspect.signature(build).parameters.values()
    wanted = [p.name for p in parameters if p.name != "key" and (everything or p.default is p.empty)]
    return build(**{parameter: made_up(parameter, hints[parameter]) for parameter in wanted})


def request_of(call: Any) -> Call[Any]:
    """The one request that a call makes first."""
    match call:
        case PageCall():
            return call.after("{cursor}")
        case StreamCall():
            return Call("GET", call.path, call.event, params={**call.params, "after": call.after or ""})
    return call


def agent_routes(document: Document) -> Iterator[tuple[str, str]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/v1/") and "operations" not in operation["tags"]:
                yield method.upper(), path


def resolved(schema: Document, definitions: Document) -> Document:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def alternatives(schema: Document, definitions: Document) -> list[Document]:
    """What a schema allows besides null."""
    schema = resolved(schema, definitions)
    parts = schema.get("anyOf") or schema.get("oneOf")
    if parts is None:
        return [] if schema.get("type") == "null" else [schema]
    return [found for part in parts for found in alternatives(part, definitions)]


def kind_of(schema: Document) -> Any:
    return schema.get("properties", {}).get("kind", {}).get("const")


def differences(ours: Document, theirs: Document, our: Document, their: Document, where: str) -> Iterator[str]:
    """How the client's model (``ours``, definitions ``our``) and the document's schema differ."""
    mine, known = alternatives(ours, our), alternatives(theirs, their)
    if len(known) > 1 and all(kind_of(schema) for schema in known):
        for schema in known:
            twin = next((found for found in mine if kind_of(found) == kind_of(schema)), None)
            if twin is None:
                yield f"{where}: no model for {kind_of(schema)}"
            else:
                yield from differences(twin, schema, our, their, f"{where}<{kind_of(schema)}>")
        return
    (mine_one,), (known_one,) = mine, known
    if (mine_one.get("type"), mine_one.get("format")) != (
        known_one.get("type"),
        None if known_one.get("format") == "uuid" else known_one.get("format"),
    ):
        yield f"{where}: {mine_one.get('type')} is {known_one.get('type')} in the document"
    if known_one.get("type") == "array":
        yield from differences(mine_one["items"], known_one["items"], our, their, f"{where}[]")
    fields, named = mine_one.get("properties", {}), known_one.get("properties", {})
    if named:
        yield from (f"{where}.{name} is unknown to the document" for name in fields.keys() - named.keys())
        yield from (f"{where}.{name} is unknown to the client" for name in named.keys() - fields.keys())
        must = set(mine_one.get("required", [])) - set(known_one.get("required", []))
        yield from (f"{where}.{name} may be left out of an answer" for name in must)
    for name in sorted(fields.keys() & named.keys()):
        yield from differences(fields[name], named[name], our, their, f"{where}.{name}")


def literals(schema: Document, definitions: Document) -> set[str]:
    found = alternatives(schema, definitions)
    return {value for part in found for value in part.get("enum", [part["const"]] if "const" in part else [])}


def test_every_route_of_an_agent_has_a_method(document: Document):
    ours = [(call.method, call.path) for call in (request_of(sent(name, everything=True)) for name in TABLE)]
    assert len(ours) == len(set(ours))
    assert set(ours) == set(agent_routes(document))


@pytest.mark.parametrize("name", sorted(TABLE))
def test_what_a_method_sends_is_what_the_document_asks_for(document: Document, name: str):
    definitions = document["components"]["schemas"]
    full, least = (request_of(sent(name, everything=everything)) for everything in (True, False))
    operation = document["paths"][full.path][full.method.lower()]
    parameters = {p["name"]: p for p in operation.get("parameters", [])}
    assert set(full.params) == {p["name"] for p in parameters.values() if p["in"] == "query"}
    assert {p["name"] for p in parameters.values() if p["in"] == "query" and p.get("required")} <= set(least.params)
    assert (full.key is not None) == ("Idempotency-Key" in parameters)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    fields: Document = {}
    if body is not None:
        (schema,) = alternatives(body, definitions)
        fields = schema["properties"]
        assert set(full.body or {}) == set(fields)
        assert set(schema.get("required", [])) <= set(least.body or {})
    else:
        assert not full.body
    for argument, hint in typing.get_type_hints(TABLE[name]).items():
        schema = fields.get(argument) or parameters.get(argument, {}).get("schema")
        if typing.get_origin(inner(hint)) is Literal and schema is not None:
            assert set(typing.get_args(inner(hint))) == literals(schema, definitions), argument


@pytest.mark.parametrize("name", sorted(TABLE))
def test_what_a_method_answers_is_what_the_document_says(document: Document, name: str):
    call = request_of(sent(name, everything=True))
    responses = document["paths"][call.path][call.method.lower()]["responses"]
    (answer,) = (found for status, found in responses.items() if status < "300")
    model = call.answer.json_schema()
    if "application/json" not in answer.get("content", {}):
        kinds = answer.get("content", {})
        assert "text/event-stream" in kinds or model == {"type": "string" if "text/csv" in kinds else "null"}
        return
    theirs = answer["content"]["application/json"]["schema"]
    definitions = document["components"]["schemas"]
    assert list(differences(model, theirs, model.get("$defs", {}), definitions, name)) == []
    example = answer["content"]["application/json"]["example"]
    assert call.answer.validate_python(example) is not None
