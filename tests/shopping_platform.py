"""A shopping platform on this machine: its profile, its key, its receiver of order webhooks, and signed requests."""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, MappingKeyResolver, algorithms

from api.checkout.signatures import public_key
from domain.checkout.ucp import BUYER_CONSENT, CART, CHECKOUT, DISCOUNT, FULFILLMENT, LOOKUP, ORDER, SEARCH, VERSION

ALL = (CHECKOUT, FULFILLMENT, DISCOUNT, BUYER_CONSENT, CART, ORDER, SEARCH, LOOKUP)
_COVERED = ("@method", "@authority", "@path", "ucp-agent")


@dataclass
class Outgoing:
    """A request as the signing library takes it."""

    method: str
    url: str
    headers: dict[str, str]


@dataclass
class Received:
    path: str
    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Key:
    """A P-256 key and what a profile says of it."""

    def __init__(self, kid: str = "platform-1") -> None:
        self.kid = kid
        self.private = ec.generate_private_key(ec.SECP256R1())
        numbers = self.private.public_key().public_numbers()
        self.jwk = {"kid": kid, "kty": "EC", "crv": "P-256", "x": _text(numbers.x), "y": _text(numbers.y), "use": "sig"}


def _text(number: int) -> str:
    import base64

    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).decode().rstrip("=")


def sign(key: Key, method: str, url: str, headers: dict[str, str], body: bytes, **changes: Any) -> dict[str, str]:
    """The headers with a signature over them, as a platform makes it."""
    message = Outgoing(method, url, {name.lower(): value for name, value in headers.items()})
    covered = [*_COVERED, *(("idempotency-key",) if "idempotency-key" in message.headers else ())]
    if body:
        covered.append("content-type")
    if "?" in url:
        covered.append("@query")
    signer = HTTPMessageSigner(
        signature_algorithm=algorithms.ECDSA_P256_SHA256,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={key.kid: key.private}),
    )
    asked: dict[str, Any] = {
        "key_id": key.kid, "label": "sig1", "include_alg": False, "created": datetime.now(UTC),
        "covered_component_ids": covered, "body": body or None, **changes,
    }  # fmt: skip
    signer.sign(message, **asked)
    return {name.lower(): value for name, value in message.headers.items()}


@dataclass
class ShoppingPlatform:
    """Context manager. ``signed`` platforms publish their key and sign every request.

    ``refuse_first`` makes the receiver answer that many webhooks with 500.
    """

    souk: str
    signed: bool = True
    capabilities: tuple[str, ...] = ALL
    refuse_first: int = 0
    version: str = VERSION
    received: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.key = Key()
        self.profile: Callable[[], dict[str, Any]] = self.own_profile
        self.http = httpx.Client(base_url=self.souk, timeout=120, trust_env=False)
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(platform.profile()).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Cache-Control", "public, max-age=60")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                platform.received.append(Received(self.path, platform.url + self.path, headers, body))
                refused = len(platform.received) <= platform.refuse_first
                self.send_response(500 if refused else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        # A profile of its own per test: sessions must not meet.
        self.profile_url = f"{self.url}/profiles/{uuid4().hex}.json"
        self.agent = f'profile="{self.profile_url}"'

    def own_profile(self) -> dict[str, Any]:
        offered: dict[str, list[dict[str, Any]]] = {name: [{"version": self.version}] for name in self.capabilities}
        if ORDER in offered:
            offered[ORDER][0]["config"] = {"webhook_url": f"{self.url}/webhooks/orders"}
        document: dict[str, Any] = {
            "ucp": {"version": self.version, "services": {}, "capabilities": offered, "payment_handlers": {}}
        }
        return document | ({"signing_keys": [self.key.jwk]} if self.signed else {})

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.http.close()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        unsigned: bool = False,
    ) -> httpx.Response:
        """A request as this platform makes it; writes get an Idempotency-Key of their own unless one is given."""
        raw = b"" if body is None else json.dumps(body).encode()
        sent = {"UCP-Agent": self.agent, "Request-Id": uuid4().hex}
        if raw:
            sent["Content-Type"] = "application/json"
        if method != "GET":
            sent["Idempotency-Key"] = key or str(uuid4())
        sent |= headers or {}
        if self.signed and not unsigned:
            sent = sign(self.key, method, self.souk + path, sent, raw)
        return self.http.request(method, path, content=raw or None, headers=sent)

    def check_webhook(self, received: Received) -> None:
        """As a platform must: find the business by UCP-Agent, its key by the keyid, and verify everything."""
        business = re.search(r'profile="([^"]+)"', received.headers["ucp-agent"])
        assert business is not None
        assert business[1] == f"{self.souk}/.well-known/ucp"
        keys = self.http.get("/.well-known/ucp").json()["signing_keys"]
        resolver = MappingKeyResolver(public_keys={jwk["kid"]: public_key(jwk)[0] for jwk in keys}, private_keys={})
        verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ECDSA_P256_SHA256, key_resolver=resolver)
        (found,) = verifier.verify(
            Outgoing("POST", received.url, received.headers),
            require_components=("@method", "@authority", "@path", "ucp-agent", "content-digest", "content-type"),
            body=received.body,
        )
        assert found.body == received.body
