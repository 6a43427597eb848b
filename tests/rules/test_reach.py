"""Does this Souk serve others? One answer from the settings, and everything that depends on it."""

import ast
from pathlib import Path
from typing import Any

import pytest

from config.reach import is_this_machine
from config.settings import Settings
from souk.stack.variables import part_variables

ROOT = Path(__file__).parents[2]
SECRET = "a secret of sixteen letters"
SAID: list[dict[str, Any]] = [
    {"serves_others": False},
    {"webhooks": {"allow_loopback": True}},
    {"simulation": {"enabled": True, "secret": SECRET}},
]
SIGNS: list[dict[str, Any]] = [
    {"serves_others": True},
    {"api_host": "0.0.0.0"},
    {"api_host": ""},
    {"api_host": "::"},
    {"api_host": "192.168.1.7"},
    {"public_url": "https://souk.example"},
    {"trusted_proxies": "127.0.0.1"},
    {"trusted_proxies": "*"},
    {"allowed_hosts": ["localhost", "souk.example:8443"]},
    {"database_url": "postgresql://souk@db.example/souk"},
    {"api_database_url": "postgresql://souk@/souk?host=10.0.0.7"},
    {"pooler_url": "postgresql://souk@pool/souk"},
    {"temporal_address": "temporal:7233"},
    {"temporal_ui_url": "https://temporal.example"},
    {"temporal_codec_origins": ["https://temporal.example"]},
]


@pytest.mark.parametrize("said", SAID, ids=str)
def test_alone_is_who_says_so(said: dict[str, Any]) -> None:
    settings = Settings(**said)
    assert settings.is_alone
    assert settings.deliveries.allow_loopback


@pytest.mark.parametrize("sign", [{}, *SIGNS], ids=str)
def test_unknown_and_public_both_count_as_serving_others(sign: dict[str, Any]) -> None:
    settings = Settings(**sign)
    assert not settings.is_alone
    assert not settings.deliveries.allow_loopback
    assert part_variables(settings, dict.fromkeys(SECRETS, "x"), 8000, None, None)["SOUK_SERVES_OTHERS"] == "true"


SECRETS = ("SOUK_PAYLOAD_KEYS", "SOUK_CREDENTIAL_SECRET", "SOUK_UCP_SIGNING_KEYS")


@pytest.mark.parametrize("sign", SIGNS, ids=str)
@pytest.mark.parametrize("said", SAID, ids=str)
def test_what_is_said_and_contradicted_does_not_start(said: dict[str, Any], sign: dict[str, Any]) -> None:
    if said.keys() & sign.keys():
        said = {"webhooks": {"allow_loopback": True}}
    with pytest.raises(ValueError, match="says that others are served"):
        Settings(**said, **sign)
    # Nor does it open anything where the check was passed by.
    assert not Settings().model_copy(update=Settings(**sign).model_dump(include=set(sign))).is_alone


def test_this_machine_by_its_names() -> None:
    here = {
        "api_host": "::1",
        "public_url": "http://localhost:8000",
        "allowed_hosts": ["127.0.0.1:8000"],
        "temporal_address": "localhost:7233",
        "temporal_ui_url": "http://127.0.0.1:8233",
        "database_url": "postgresql://souk@/souk?host=/run/postgresql",
    }
    assert Settings(**here, serves_others=False).is_alone
    assert Settings(serves_others=False, webhooks={"allow_loopback": False}).deliveries.allow_loopback is False
    assert all(map(is_this_machine, ("127.0.0.1", "127.8.0.1", "[::1]", "LOCALHOST", "a.localhost", "/tmp")))
    assert not any(map(is_this_machine, ("", "0.0.0.0", "localhost.example", "127.0.0.1.example", "10.0.0.1")))


def test_cookies_know_https_behind_a_proxy() -> None:
    assert Settings(public_url="https://souk.example").is_https
    assert not Settings(public_url="http://souk.example").is_https
    assert not Settings().is_https


def test_nothing_else_decides_by_where_the_api_listens() -> None:
    """``api_host`` is read where a socket or an address is made of it, and for the one question."""
    found = {
        str(path.relative_to(ROOT))
        for folder in ("activities", "api", "config", "db", "souk", "worker", "workflows")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr == "api_host")
    }
    assert found == {
        "config/reach.py",
        "config/settings.py",
        "souk/commands/parts.py",
        "souk/stack/supervisor.py",
        "souk/stack/variables.py",
    }
