"""Our own signatures (RFC 9421, ES256): the keys, what of them is published, and how a message is signed.

The setting holds secrets of 32 random bytes; each is derived into a P-256 key, so that it is made and kept like
every other secret. The first signs, all are published: to rotate, put a new one before the old one and drop the
old one a week later.
"""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver, algorithms

_ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_COVERED = ("@method", "@authority", "@path", "ucp-agent", "content-digest", "content-type")
_ALSO_COVERED = ("webhook-id", "webhook-timestamp")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key. ``kid`` is the thumbprint of its public half (RFC 7638)."""

    kid: str
    jwk: dict[str, str]
    private: ec.EllipticCurvePrivateKey = field(repr=False)


@dataclass(slots=True)
class _Outgoing:
    """A request as the library signs it; its headers are added to."""

    method: str
    url: str
    headers: dict[str, str]


def signing_keys(secrets: str) -> tuple[SigningKey, ...]:
    """The keys of a setting: secrets in base64, comma separated. None when it is empty.

    Raises ValueError when a secret is not 32 bytes.
    """
    return tuple(_derived(text.strip()) for text in secrets.split(",") if text.strip())


def _derived(text: str) -> SigningKey:
    secret = base64.b64decode(text, validate=True)
    if len(secret) != 32:
        raise ValueError("a signing key is 32 random bytes in base64")
    # 16 bytes more than the order has: what remains after the division is as good as even.
    wide = HKDF(algorithm=SHA256(), length=48, salt=None, info=b"souk ucp signing key").derive(secret)
    private = ec.derive_private_key(int.from_bytes(wide, "big") % (_ORDER_OF_P256 - 1) + 1, ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    point = {"crv": "P-256", "kty": "EC", "x": _text(numbers.x), "y": _text(numbers.y)}
    kid = _b64(hashlib.sha256(json.dumps(point, separators=(",", ":"), sort_keys=True).encode()).digest())
    return SigningKey(kid, {"kid": kid, **point, "use": "sig", "alg": "ES256"}, private)


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _text(number: int) -> str:
    return _b64(number.to_bytes(32, "big"))


def sign_post(key: SigningKey, url: str, headers: dict[str, str], body: bytes, now: datetime) -> dict[str, str]:
    """The headers of a POST, signed, in lower case. ``headers`` must have UCP-Agent and Content-Type."""
    message = _Outgoing("POST", url, {name.lower(): value for name, value in headers.items()})
    signer = HTTPMessageSigner(
        signature_algorithm=algorithms.ECDSA_P256_SHA256,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={key.kid: key.private}),
    )
    signer.sign(
        message,
        key_id=key.kid,
        created=now,
        label="sig1",
        include_alg=False,
        covered_component_ids=(*_COVERED, *(name for name in _ALSO_COVERED if name in message.headers)),
        body=body,
    )
    return {name.lower(): value for name, value in message.headers.items()}
