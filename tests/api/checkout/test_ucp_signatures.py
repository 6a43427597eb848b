"""Signatures of platforms' requests, and our own: what holds, and by which word each thing that does not is told."""

import base64
import dataclasses
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.checkout.signing import sign_post, signing_keys
from api.checkout.signatures import SignedRequest, check_signature, public_key
from domain.platform.errors import DomainError
from tests.shopping_platform import Key, sign

URL = "https://souk.example/checkout-sessions"
BODY = b'{"line_items": []}'
HEADERS = {
    "UCP-Agent": 'profile="https://p.example/ucp.json"',
    "Idempotency-Key": "k-1",
    "Content-Type": "application/json",
}


def signed(key: Key, **changes: Any) -> SignedRequest:
    return SignedRequest("POST", URL, sign(key, "POST", URL, HEADERS, BODY, **changes), BODY)


def word_for(request: SignedRequest, *keys: dict[str, str]) -> str:
    with pytest.raises(DomainError) as refused:
        check_signature(request, keys)
    return refused.value.code


def test_a_good_signature_names_its_key() -> None:
    key = Key("k2")
    assert check_signature(signed(key), [Key("k1").jwk, key.jwk]) == "k2"


def test_created_may_be_left_out_and_counts_when_it_is_there() -> None:
    key = Key()
    old = signed(key, created=datetime.now(UTC) - timedelta(hours=1))
    assert word_for(old, key.jwk) == "signature_invalid"
    assert word_for(signed(key, expires=datetime.now(UTC) - timedelta(minutes=1)), key.jwk) == "signature_invalid"


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"url": "https://other.example/checkout-sessions"},
        {"url": "https://souk.example/carts"},
        {"url": URL + "?x=1"},
    ],
)
def test_a_signature_is_good_for_one_request_only(change: dict[str, str]) -> None:
    key = Key()
    assert word_for(dataclasses.replace(signed(key), **change), key.jwk) == "signature_invalid"


@pytest.mark.parametrize("header", ["ucp-agent", "idempotency-key", "content-type"])
def test_a_changed_header_breaks_it(header: str) -> None:
    key = Key()
    request = signed(key)
    changed = dataclasses.replace(request, headers={**request.headers, header: "other"})
    assert word_for(changed, key.jwk) == "signature_invalid"


@pytest.mark.parametrize("left_out", ["@method", "@authority", "@path", "ucp-agent", "idempotency-key", "content-type"])
def test_what_is_not_covered_is_not_said(left_out: str) -> None:
    key = Key()
    parts = ["@method", "@authority", "@path", "ucp-agent", "idempotency-key", "content-type"]
    parts.remove(left_out)
    assert word_for(signed(key, covered_component_ids=parts), key.jwk) == "signature_invalid"


def test_another_body_is_a_digest_mismatch() -> None:
    key = Key()
    assert word_for(dataclasses.replace(signed(key), body=b'{"line_items": [1]}'), key.jwk) == "digest_mismatch"
    # Also when the digest is corrected: then the signature is not of it.
    other = b"{}"
    digest = base64.b64encode(hashlib.sha256(other).digest()).decode()
    request = signed(key)
    headers = {**request.headers, "content-digest": f"sha-256=:{digest}:"}
    assert word_for(dataclasses.replace(request, headers=headers, body=other), key.jwk) == "signature_invalid"


def test_keys_that_are_not_published_or_not_understood() -> None:
    key = Key("k1")
    assert word_for(signed(key), Key("k2").jwk) == "key_not_found"
    assert word_for(signed(key)) == "key_not_found"
    assert word_for(signed(key), Key("k1").jwk) == "signature_invalid"
    for broken in ({"kty": "RSA"}, {"crv": "P-521"}, {"x": "!"}, {"y": 7}, {"x": "AAAA"}):
        assert word_for(signed(key), {**key.jwk, **broken}) == "algorithm_unsupported", broken


@pytest.mark.parametrize("header", ["signature", "signature-input"])
@pytest.mark.parametrize("value", [None, "", "sig1", "sig1=?1", "sig1=()", "((", "sig1=:AAAA:", "é"])
def test_broken_headers_are_refused(header: str, value: str | None) -> None:
    key = Key()
    request = signed(key)
    headers = {name: text for name, text in request.headers.items() if name != header}
    if value is not None:
        headers[header] = value
    assert word_for(dataclasses.replace(request, headers=headers), key.jwk) in {
        "signature_missing",
        "signature_invalid",
    }


def test_one_good_signature_among_several_is_enough() -> None:
    key = Key()
    request = signed(key)
    headers = dict(request.headers)
    headers["signature-input"] = 'a=("@method");keyid="nobody", ' + headers["signature-input"]
    headers["signature"] = "a=:AAAA:, " + headers["signature"]
    assert check_signature(dataclasses.replace(request, headers=headers), [key.jwk]) == key.kid


def test_our_own_signature_verifies_with_what_we_publish() -> None:
    first, second = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
    newest, older = signing_keys(f"{first}, {second}")
    assert newest.kid == signing_keys(first)[0].kid != older.kid
    headers = {"UCP-Agent": 'profile="https://souk.example/.well-known/ucp"', "Content-Type": "application/json"}
    sent = sign_post(newest, "https://p.example/hook", headers | {"Webhook-Id": "w1"}, BODY, datetime.now(UTC))
    request = SignedRequest("POST", "https://p.example/hook", sent, BODY)
    assert check_signature(request, [older.jwk, newest.jwk]) == newest.kid
    assert "webhook-id" in sent["signature-input"]
    assert (
        word_for(dataclasses.replace(request, headers=sent | {"webhook-id": "w2"}), newest.jwk) == "signature_invalid"
    )


def test_a_key_is_named_by_its_thumbprint_and_shows_no_secret() -> None:
    (key,) = signing_keys(base64.b64encode(b"7" * 32).decode())
    required = {name: key.jwk[name] for name in ("crv", "kty", "x", "y")}
    digest = hashlib.sha256(json.dumps(required, separators=(",", ":"), sort_keys=True).encode()).digest()
    assert key.kid == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert set(key.jwk) == {"kid", "kty", "crv", "x", "y", "use", "alg"}
    assert public_key(key.jwk)[0].public_numbers() == key.private.public_key().public_numbers()  # type: ignore[union-attr]
    assert signing_keys("") == ()
    with pytest.raises(ValueError):
        signing_keys("c2hvcnQ=")
