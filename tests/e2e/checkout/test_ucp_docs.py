"""What docs/ucp.md shows, run as it stands."""

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from api.checkout.signatures import SignedRequest, check_signature
from tests.e2e.pages import blocks, run_shell
from tests.running import RunningSouk

PAGE = Path(__file__).parents[3] / "docs" / "ucp.md"


def test_the_purchase_runs_as_it_stands(shopping_souk: RunningSouk, tmp_path: Path) -> None:
    (script,) = blocks("docs/ucp.md", "bash")
    assert run_shell(shopping_souk.url, tmp_path, script) == ["2026-04-08", "Brass lamp", "fulfilled"]


def test_the_purchase_says_so_where_it_cannot_be_made(souk_url: str, tmp_path: Path) -> None:
    """Not in the test-only mode, for one: it ends, and does not wait for ever."""
    (script,) = blocks("docs/ucp.md", "bash")
    with pytest.raises(AssertionError, match=r"curl: \(22\)"):
        run_shell(souk_url, tmp_path, script)


def test_the_signature_it_shows_is_a_good_one() -> None:
    scope: dict[str, Any] = {}
    (source,) = blocks("docs/ucp.md", "python")
    exec(source, scope)
    private = ec.generate_private_key(ec.SECP256R1())
    point = private.public_key().public_numbers()
    x, y = (base64.urlsafe_b64encode(n.to_bytes(32, "big")).decode().rstrip("=") for n in (point.x, point.y))
    url, body = "https://souk.example/carts", b'{"line_items": []}'
    headers = {"ucp-agent": 'profile="https://p.example"', "idempotency-key": "k", "content-type": "application/json"}
    sent = scope["signed_headers"]("POST", url, headers, body, "k1", private)
    request = SignedRequest("POST", url, {name.lower(): value for name, value in sent.items()}, body)
    assert check_signature(request, [{"kid": "k1", "kty": "EC", "crv": "P-256", "x": x, "y": y}]) == "k1"


def test_every_code_it_lists_exists() -> None:
    from api.checkout.errors import _WORDS
    from domain.platform.errors import CATALOGUE

    known = {code.replace(".", "_") for code in CATALOGUE} | set(_WORDS.values())
    tables = PAGE.read_text(encoding="utf-8").split("## Refusals")[1].split("## The test-only")[0]
    listed = {
        code for row in re.findall(r"^\| (`.*?) \|", tables, re.MULTILINE) for code in re.findall(r"`([a-z_]+)`", row)
    }
    assert len(listed) > 20
    assert listed - known == set()
