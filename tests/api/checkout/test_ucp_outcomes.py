"""Every refusal that a platform can meet is a protocol error or a business outcome, and is answered as one."""

import json
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from ucp_sdk.models.schemas.shopping.types.error_response import ErrorResponse

from api.checkout import errors as dialect
from api.checkout.outcomes import OUTCOMES, PROTOCOL_ERRORS, note_older, status_for
from api.errors import refusal_text, status_of
from domain.checkout import errors as checkout
from domain.checkout import ucp_errors
from domain.checkout.ucp import VERSION
from domain.market import errors as market
from domain.platform.errors import CATALOGUE, REQUEST_INVALID, ErrorCode

OWN = {
    value.code for module in (checkout, ucp_errors) for value in vars(module).values() if isinstance(value, ErrorCode)
}


def request(path: str = "/checkout-sessions") -> Request:
    return Request({"type": "http", "method": "POST", "path": path, "headers": [], "path_params": {}})


def declared(app: FastAPI) -> set[str]:
    """What the routes of the protocol say that they can answer."""
    found: set[str] = set()
    for path, methods in app.openapi()["paths"].items():
        if dialect.speaks_ucp({"type": "http", "path": path, "headers": [(b"ucp-agent", b"x")]}):
            answers = [answer for operation in methods.values() for answer in operation["responses"].values()]
            contents = [answer.get("content", {}).get("application/json", {}) for answer in answers]
            found |= {code for content in contents for code in content.get("examples", {})} & CATALOGUE.keys()
    return found


def test_each_code_is_a_protocol_error_or_an_outcome(app: FastAPI) -> None:
    codes = declared(app)
    assert {"listing.sold_out", "checkout.price_changed", "listing.not_found", "order.not_found"} <= codes
    assert PROTOCOL_ERRORS.isdisjoint(OUTCOMES)
    assert (codes | OWN) - PROTOCOL_ERRORS - OUTCOMES == set()
    assert CATALOGUE.keys() >= (PROTOCOL_ERRORS | OUTCOMES)


@pytest.mark.parametrize("code", sorted(OUTCOMES))
def test_an_outcome_is_answered_200_with_messages(code: str) -> None:
    status, text = refusal_text(CATALOGUE[code].error(), request())
    document = json.loads(text)
    assert status == status_for(CATALOGUE[code]) == 200
    assert document["ucp"] == {"version": VERSION, "status": "error"}
    assert set(document) == {"ucp", "messages"}
    ErrorResponse.model_validate(document)
    assert document["messages"][0]["severity"] in {"recoverable", "unrecoverable"}


@pytest.mark.parametrize("code", sorted(PROTOCOL_ERRORS))
def test_a_protocol_error_has_a_status_from_400_on(code: str) -> None:
    status, text = refusal_text(CATALOGUE[code].error(), request())
    document: dict[str, Any] = json.loads(text)
    assert status == status_of(CATALOGUE[code]) >= 400
    expected = {"ucp", "messages"} if code == REQUEST_INVALID.code else {"code", "content"}
    assert set(document) == expected


@pytest.mark.parametrize(
    ("refused", "status"),
    [
        (market.LISTING_SOLD_OUT, 400), (market.LISTING_NOT_FOUND, 400), (checkout.CHECKOUT_NOT_FOUND, 404),
        (checkout.PAYMENT_DECLINED, 402), (checkout.FULFILLMENT_MISSING, 400), (checkout.CHECKOUT_OVER, 409),
    ],
)  # fmt: skip
def test_an_older_version_has_its_own_statuses_and_a_detail(refused: ErrorCode, status: int) -> None:
    older = request()
    note_older(older)
    answered, text = refusal_text(refused.error(), older)
    document = json.loads(text)
    assert (answered, document["detail"]) == (status, document["messages"][0]["content"])
    # Nothing of it stays for the next request.
    assert refusal_text(refused.error(), request())[0] == 200
