"""Signatures of requests (RFC 9421): does a request come from who holds a key of its platform's profile.

The cryptography is the library's. Here is what the protocol asks besides: which parts of a request a signature
must cover, that the digest is the body's, that the key is published, and which word each refusal has.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import http_sf
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from http_message_signatures import (
    HTTPMessageVerifier,
    HTTPSignatureAlgorithm,
    InvalidSignature,
    MappingKeyResolver,
    algorithms,
)
from starlette.datastructures import Headers

from api.checkout.fields import members_of
from domain.checkout.ucp_errors import (
    ALGORITHM_UNSUPPORTED,
    DIGEST_MISMATCH,
    KEY_NOT_FOUND,
    SIGNATURE_INVALID,
    SIGNATURE_MISSING,
)
from domain.platform.errors import DomainError

_MAX_SIGNATURES = 4
_MAX_AGE = timedelta(minutes=15)
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
_CURVES: Mapping[str, tuple[type[ec.EllipticCurve], type[HTTPSignatureAlgorithm]]] = {
    "P-256": (ec.SECP256R1, algorithms.ECDSA_P256_SHA256),
    "P-384": (ec.SECP384R1, algorithms.ECDSA_P384_SHA384),
}


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as its signature sees it: ``url`` is absolute, under the authority that is ours."""

    method: str
    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def required(self) -> tuple[str, ...]:
        """The parts a signature must cover: what is not covered is not said by the signer."""
        parts = ["@method", "@authority", "@path"]
        if "?" in self.url:
            parts.append("@query")
        if self.body:
            parts += ["content-digest", "content-type"]
        parts += [name for name in ("ucp-agent", "idempotency-key") if name in self.headers]
        return tuple(parts)


def is_signed(headers: Headers) -> bool:
    return "signature" in headers or "signature-input" in headers


def check_signature(request: SignedRequest, keys: Sequence[Mapping[str, Any]]) -> str:
    """The id of the published key that signed. Tries every signature there is; one that holds is enough.

    Raises signature_missing, key_not_found, algorithm_unsupported, digest_mismatch, signature_invalid.
    """
    inputs = members_of(request.headers.get("signature-input"))
    values = members_of(request.headers.get("signature"))
    if not inputs or not values:
        raise SIGNATURE_MISSING.error()
    refused: DomainError = SIGNATURE_INVALID.error()
    for label in list(inputs)[:_MAX_SIGNATURES]:
        if label not in values:
            continue
        try:
            return _check_one(request, keys, label, inputs[label], values[label])
        except DomainError as error:
            refused = error
    raise refused


def _check_one(request: SignedRequest, keys: Sequence[Mapping[str, Any]], label: str, said: Any, value: Any) -> str:
    key_id = said[1].get("keyid") if isinstance(said[0], list) else None
    if not isinstance(key_id, str):
        raise SIGNATURE_INVALID.error("The signature names no keyid.")
    jwk = next((key for key in keys if key.get("kid") == key_id), None)
    if jwk is None:
        raise KEY_NOT_FOUND.error()
    key, algorithm = public_key(jwk)
    covered = {part for part, parameters in said[0] if not parameters}
    missing = [part for part in request.required() if part not in covered]
    if missing:
        raise SIGNATURE_INVALID.error(f"The signature does not cover {', '.join(missing)}.")
    if request.body or "content-digest" in request.headers:
        check_digest(request.headers.get("content-digest"), request.body)
    alone = {
        **request.headers,
        "signature-input": http_sf.ser({label: said}),
        "signature": http_sf.ser({label: value}),
    }
    verifier = HTTPMessageVerifier(
        signature_algorithm=algorithm, key_resolver=MappingKeyResolver(public_keys={key_id: key}, private_keys={})
    )
    # The protocol leaves ``created`` out by default; where it is said, it counts.
    verifier.require_created = False
    try:
        verifier.verify(
            SignedRequest(request.method, request.url, alone, request.body),
            max_age=_MAX_AGE if "created" in said[1] else None,
        )
    except InvalidSignature:
        raise SIGNATURE_INVALID.error() from None
    return key_id


def check_digest(header: str | None, body: bytes) -> None:
    """Raises digest_mismatch unless the header has the body's SHA-256 (RFC 9530)."""
    found = members_of(header).get("sha-256", (None, {}))[0]
    if not isinstance(found, bytes) or not hmac.compare_digest(found, hashlib.sha256(body).digest()):
        raise DIGEST_MISMATCH.error()


def public_key(jwk: Mapping[str, Any]) -> tuple[PublicKey, type[HTTPSignatureAlgorithm]]:
    """The key of a JWK and the algorithm its kind stands for. Raises algorithm_unsupported."""
    try:
        match jwk.get("kty"), jwk.get("crv"):
            case "EC", ("P-256" | "P-384") as curve:
                kind, algorithm = _CURVES[curve]
                numbers = ec.EllipticCurvePublicNumbers(_number(jwk["x"]), _number(jwk["y"]), kind())
                return numbers.public_key(), algorithm
            case "OKP", "Ed25519":
                return ed25519.Ed25519PublicKey.from_public_bytes(_raw(jwk["x"])), algorithms.ED25519
    except (KeyError, TypeError, ValueError):
        pass
    raise ALGORITHM_UNSUPPORTED.error()


def _raw(text: Any) -> bytes:
    if not isinstance(text, str):
        raise TypeError
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(text: Any) -> int:
    return int.from_bytes(_raw(text), "big")
