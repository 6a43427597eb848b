"""The discovery document, by the protocol's own model; and that it says where it is."""

import base64
import json
from pathlib import Path

import httpx
from ucp_sdk.models.schemas.ucp import BusinessSchema

from activities.checkout.signing import signing_keys
from api.main import create_app
from config.settings import Settings
from domain.checkout.ucp import CAPABILITIES, SERVICE, VERSION
from souk.stack.data_dir import DataDirectory, write_private


async def test_discovery(api_settings: Settings) -> None:
    secret = base64.b64encode(b"s" * 32).decode()
    settings = api_settings.model_copy(
        update={"ucp_signing_keys": type(api_settings.credential_secret)(secret), "public_url": "https://souk.example/"}
    )
    application = create_app(settings)
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://souk") as http,
    ):
        answer = await http.get("/.well-known/ucp")
    assert answer.status_code == 200
    assert "public" in answer.headers["cache-control"]
    told = answer.json()
    profile = BusinessSchema.model_validate(told["ucp"])
    assert profile.version == VERSION
    first = told["ucp"]["services"][SERVICE][0]
    assert (first["transport"], first["endpoint"]) == ("rest", "https://souk.example")
    assert set(told["ucp"]["capabilities"]) == set(CAPABILITIES)
    # In production nobody is offered a handler that moves no money.
    (handlers,) = told["ucp"]["payment_handlers"].values()
    assert [handler["id"] for handler in handlers] == ["souk_market"]
    assert told["signing_keys"] == told["keys"]
    assert [key["crv"] for key in told["keys"]] == ["P-256"]
    assert secret not in answer.text


def test_a_data_directory_made_before_gets_a_signing_key_once(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "souk") as data:
        first = data.secrets()
        assert signing_keys(first["SOUK_UCP_SIGNING_KEYS"])
        old = {name: value for name, value in first.items() if name != "SOUK_UCP_SIGNING_KEYS"}
        write_private(data.path / "secrets.json", json.dumps(old))
        renewed = data.secrets()
        assert signing_keys(renewed["SOUK_UCP_SIGNING_KEYS"])
        assert {name: renewed[name] for name in old} == old
        assert data.secrets() == renewed
