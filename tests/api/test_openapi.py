"""The OpenAPI document: a worked example for every request, every answer and every refusal."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from api.errors import PROBLEM_MEDIA_TYPE, status_of
from domain.platform.errors import CATALOGUE


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", method, operation


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def test_the_document_is_openapi_3_1_named_souk(document):
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "Souk"


def test_every_operation_is_tagged_and_described(document):
    known = {tag["name"] for tag in document["tags"]}
    for name, _, operation in operations(document):
        assert operation.get("tags"), name
        assert set(operation["tags"]) <= known, name
        assert operation.get("description"), name


def test_every_body_and_answer_has_an_example(document):
    missing: list[str] = []
    for name, _, operation in operations(document):
        contents = []
        if "requestBody" in operation:
            contents.append(operation["requestBody"]["content"])
        contents += [answer.get("content", {}) for code, answer in operation["responses"].items() if code < "300"]
        missing += [
            name for content in contents for media in content.values() if not {"example", "examples"} & set(media)
        ]
    assert missing == []


def test_every_refusal_is_declared_under_its_status(document):
    for name, method, operation in operations(document):
        if not name.split(" ")[1].startswith("/v1"):
            continue
        codes = set()
        for status, answer in operation["responses"].items():
            if status < "400":
                continue
            assert list(answer["content"]) == [PROBLEM_MEDIA_TYPE], (name, status)
            for code, example in answer["content"][PROBLEM_MEDIA_TYPE]["examples"].items():
                assert str(status_of(CATALOGUE[code])) == status, (name, code)
                assert example["value"]["code"] == code
                codes.add(code)
        assert {"request.invalid", "request.rate_limited", "service.unavailable"} <= codes, name
        if method == "post":
            assert {"idempotency.key_reused", "idempotency.in_flight", "request.too_large"} <= codes, name
            headers = {parameter["name"] for parameter in operation["parameters"]}
            assert "Idempotency-Key" in headers, name


def test_every_reference_resolves(document):
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                resolved(document, node)
            for part in node.values():
                walk(part)
        elif isinstance(node, list):
            for part in node:
                walk(part)

    walk(document)
