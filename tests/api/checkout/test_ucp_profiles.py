"""Platforms' profiles: what is fetched, how often, and what is refused without being fetched."""

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from activities.checkout.signing import sign_post, signing_keys
from api.checkout.profiles import Profiles
from domain.checkout.ucp import CHECKOUT, ORDER, VERSION
from domain.platform.errors import DomainError

URL = "https://p.example/ucp.json"
GOOD: dict[str, Any] = {
    "ucp": {
        "version": VERSION,
        "services": {},
        "payment_handlers": {},
        "capabilities": {
            CHECKOUT: [{"version": VERSION}],
            ORDER: [{"version": VERSION, "config": {"webhook_url": "https://p.example/hook"}}],
        },
    },
    "signing_keys": [{"kid": "a"}],
}


BAD_HOOK = {"version": VERSION, "config": {"webhook_url": 7}}


class Web:
    """Everything beyond this machine."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.asked: list[str] = []

        def handler(request: httpx.Request) -> httpx.Response:
            self.asked.append(str(request.url))
            return answer(request)

        self.profiles = Profiles(development=False, client=httpx.AsyncClient(transport=httpx.MockTransport(handler)))


async def word_for(web: Web, url: str = URL) -> str:
    with pytest.raises(DomainError) as refused:
        await web.profiles.get(url, "me")
    return refused.value.code


async def test_a_profile_is_read_and_kept() -> None:
    web = Web(lambda _: httpx.Response(200, json=GOOD, headers={"Cache-Control": "public, max-age=600"}))
    assert not web.profiles.known(URL)
    found = await asyncio.gather(*(web.profiles.get(URL, "me") for _ in range(5)))
    assert (found[0].version, found[0].webhook_url) == (VERSION, "https://p.example/hook")
    assert found[0].capabilities[CHECKOUT] == (VERSION,)
    assert found[0].keys == ({"kid": "a"},)
    assert web.profiles.known(URL)
    # Refreshing is for keys that were just published, and not for everyone who asks.
    await web.profiles.get(URL, "me", afresh=True)
    assert web.asked == [URL]


@pytest.mark.parametrize(
    "url",
    [
        "http://p.example/ucp.json", "https://127.0.0.1/ucp.json", "https://localhost/x", "https://10.1.2.3/x",
        "https://169.254.169.254/latest/meta-data", "https://[::1]/x", "https://[::ffff:10.0.0.1]/x",
        "https://2130706433/x", "https://metadata.internal/x", "https://user:pw@p.example/x", "ftp://p.example/x",
        "file:///etc/passwd", "p.example", "...", "https://", "javascript:alert(1)",
    ],
)  # fmt: skip
async def test_addresses_that_are_nobodys_business_are_not_fetched(url: str) -> None:
    web = Web(lambda _: httpx.Response(200, json=GOOD))
    assert await word_for(web, url) == "invalid_profile_url"
    assert web.asked == []


@pytest.mark.parametrize("status", [204, 301, 302, 404, 500])
async def test_anything_but_200_is_unreachable_and_remembered(status: int) -> None:
    web = Web(lambda _: httpx.Response(status, headers={"Location": "https://p.example/other"}))
    assert await word_for(web) == "profile_unreachable"
    assert await word_for(web) == "profile_unreachable"
    assert web.asked == [URL]


async def test_a_host_that_does_not_answer_is_unreachable() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("slow", request=request)

    assert await word_for(Web(fail)) == "profile_unreachable"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"no", b"[]", b"{}", b'{"ucp": {}}', b'{"ucp": {"version": "draft"}}', b"[" * 100_000,
        json.dumps({**GOOD, "signing_keys": "none"}).encode(),
        json.dumps({"ucp": {"version": VERSION, "capabilities": {ORDER: [BAD_HOOK]}}}).encode(),
        json.dumps({"ucp": {"version": VERSION, "capabilities": [1]}}).encode(),
    ],
)  # fmt: skip
async def test_what_is_no_profile_is_malformed(body: bytes) -> None:
    assert await word_for(Web(lambda _: httpx.Response(200, content=body))) == "profile_malformed"


async def test_the_cache_is_bounded() -> None:
    web = Web(lambda _: httpx.Response(200, json=GOOD))
    for number in range(1_003):
        await web.profiles.get(f"https://p.example/{number}", "me")
    assert not web.profiles.known("https://p.example/2")
    assert web.profiles.known("https://p.example/3")


async def test_only_so_many_strangers_are_looked_up_at_once() -> None:
    enough = asyncio.Event()

    class Waiting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await enough.wait()
            return httpx.Response(200, json=GOOD)

    profiles = Profiles(development=False, client=httpx.AsyncClient(transport=Waiting()))

    async def word(url: str, caller: str) -> str:
        with pytest.raises(DomainError) as refused:
            await profiles.get(url, caller)
        return refused.value.code

    def ask(number: int) -> asyncio.Task[Any]:
        return asyncio.create_task(profiles.get(f"https://p.example/{number}", str(number // 8)))

    under_way = [ask(number) for number in range(8)]
    await asyncio.sleep(0)
    # One caller whose hosts are slow keeps nobody else from being known.
    assert await word(URL, "0") == "service.unavailable"
    under_way += [ask(number) for number in range(8, 64)]
    await asyncio.sleep(0)
    assert await word(URL, "8") == "service.unavailable"
    enough.set()
    await asyncio.gather(*under_way)
    assert (await profiles.get(URL, "0")).version == VERSION


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("https://p.example/a b", "https://p.example/a%20b"),
        ("https://p.example/%zz", None),
        ("https://p.example/\u00e9", "https://p.example/%C3%A9"),
        ("https://p.example/\ud800", None),
        ("https://p.example/[", None),
    ],
)
async def test_orders_are_signed_for_the_address_they_are_sent_to(said: str, asked: str | None) -> None:
    config = {"version": VERSION, "config": {"webhook_url": said}}
    profile = {"ucp": {"version": VERSION, "capabilities": {ORDER: [config]}}}
    web = Web(lambda _: httpx.Response(200, content=json.dumps(profile).encode()))
    if asked is None:
        assert await word_for(web) == "profile_malformed"
        return
    found = await web.profiles.get(URL, "me")
    assert found.webhook_url == asked
    assert str(httpx.URL(asked)) == asked
    signed = sign_post(
        signing_keys(base64.b64encode(b"s" * 32).decode())[0],
        asked,
        {"UCP-Agent": 'profile="https://souk.example"', "Content-Type": "application/json"},
        b"{}",
        datetime.now(UTC),
    )
    assert "signature" in signed
