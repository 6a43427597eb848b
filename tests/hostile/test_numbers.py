"""Every number an agent, an operator or a model can send, as no number it was meant to be: never a fault."""

import pytest

from souk.drills.attack.callers import Callers
from souk.drills.attack.numbers import ODD, SLOT, Document, bodies, find_faults, find_tool_faults, find_unlike


@pytest.fixture(scope="module")
def document(callers: Callers) -> Document:
    return callers.agents["none"].get("/openapi.json")


def test_the_walk_finds_numbers_wherever_they_are(document: Document) -> None:
    found = {(method, path, text) for method, path, text in bodies(document)}
    for method, path, name in (
        ("POST", "/v1/offers", "expires_in_seconds"), ("POST", "/v1/offers/{offer_id}/accept", "round"),
        ("POST", "/v1/listings", "promised_delivery_seconds"), ("POST", "/carts", "quantity"),
        ("PUT", "/v1/stores/{store_id}/price-list", "value"), ("POST", "/catalog/search", "limit"),
        ("POST", "/v1/webhooks/{webhook_id}/rotate-secret", "overlap_seconds"),
    ):  # fmt: skip
        assert any(one[:2] == (method, path) and f'"{name}": {SLOT}' in one[2] for one in found), (path, name)


@pytest.mark.slow(seconds=120)
def test_no_number_in_a_body_is_a_fault(callers: Callers, document: Document) -> None:
    faults, taken = find_faults(callers, document, ODD)
    assert faults == []
    assert {("POST", "/v1/offers"), ("POST", "/v1/listings"), ("POST", "/carts")} <= taken


@pytest.mark.slow(seconds=30)
def test_a_whole_number_may_be_written_with_a_point(callers: Callers, document: Document) -> None:
    different, taken = find_unlike(callers, document)
    assert different == []
    assert taken > 20


@pytest.mark.slow(seconds=30)
def test_no_number_in_a_tools_arguments_is_a_fault(callers: Callers) -> None:
    wrong, asked = find_tool_faults(callers, ODD)
    assert wrong == []
    assert asked > 200
