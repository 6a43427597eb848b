"""Nobody takes the streams of the others: bounds per address, per class, per agent."""

from contextlib import ExitStack
from uuid import UUID

import httpx
import pytest

from api.main import create_app
from api.platform.stream_places import StreamPlaces
from config.settings import LimitSettings, Settings
from db.platform.ids import new_id
from domain.platform.errors import DomainError
from tests.api.conftest import served
from tests.api.platform.streams import Stream

_LIMITS = LimitSettings(
    max_streams=20,
    max_streams_per_agent=3,
    max_streams_per_address=8,
    max_anonymous_streams=10,
    max_anonymous_streams_per_address=4,
)


def _take(
    places: StreamPlaces, stack: ExitStack, holder: UUID | None, address: str, most: int = 100
) -> tuple[int, str]:
    """As many as are given, and why not one more."""
    for taken in range(most):
        try:
            stack.enter_context(places.taken(holder, address))
        except DomainError as refused:
            return taken, refused.code
    return most, ""


def test_one_address_without_a_key_leaves_the_others_theirs() -> None:
    places = StreamPlaces(_LIMITS)
    with ExitStack() as stack:
        assert _take(places, stack, None, "a") == (4, "stream.too_many_of_address")
        assert _take(places, stack, None, "b") == (4, "stream.too_many_of_address")
        # All that callers without a key may have together.
        assert _take(places, stack, None, "c") == (2, "stream.too_many")
        # Agents have the rest, also at an address whose anonymous callers took theirs.
        assert _take(places, stack, new_id(), "a") == (3, "stream.too_many_of_agent")
        assert _take(places, stack, new_id(), "d") == (3, "stream.too_many_of_agent")
    assert (places.open, places.anonymous) == (0, 0)
    assert not places._of_address
    assert not places._of_holder
    assert not places._anonymous_of_address


def test_one_address_with_many_agents_leaves_the_others_theirs() -> None:
    places = StreamPlaces(_LIMITS)
    with ExitStack() as stack:
        taken = [_take(places, stack, new_id(), "a") for _ in range(4)]
        assert [count for count, _ in taken] == [3, 3, 2, 0]
        assert taken[-1][1] == "stream.too_many_of_address"
        assert _take(places, stack, None, "a") == (0, "stream.too_many_of_address")
        assert _take(places, stack, None, "b", 1) == (1, "")
        assert _take(places, stack, new_id(), "b") == (3, "stream.too_many_of_agent")


def test_a_full_process_says_so() -> None:
    places = StreamPlaces(_LIMITS)
    with ExitStack() as stack:
        for number in range(20):
            stack.enter_context(places.taken(new_id(), str(number)))
        assert _take(places, stack, new_id(), "a") == (0, "stream.too_many")
        assert _take(places, stack, None, "a") == (0, "stream.too_many")


@pytest.mark.parametrize("trusted", [True, False])
async def test_the_forwarded_address_counts_where_the_proxy_is_trusted(api_settings: Settings, trusted: bool) -> None:
    changed = {"limits": {"max_anonymous_streams_per_address": 1}, "trusted_proxies": "127.0.0.1" if trusted else ""}
    app = create_app(Settings.model_validate(api_settings.model_dump() | changed))
    async with app.router.lifespan_context(app), served(app) as url:
        stream = Stream(url, headers={"X-Forwarded-For": "192.0.2.1"})
        await stream.open.wait()
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as http:
            own = {"X-Forwarded-For": "192.0.2.1"}
            refused = await http.get("/v1/activity/stream", headers=own)
            assert (refused.status_code, refused.json()["code"]) == (429, "stream.too_many_of_address")
            assert int(refused.headers["Retry-After"]) >= 1
            other = {"X-Forwarded-For": "192.0.2.2"}
            async with http.stream("GET", "/v1/activity/stream", headers=other) as answer:
                assert answer.status_code == (200 if trusted else 429)
            # The page's own stream and, with a key, the inbox's take from the same places.
            assert (await http.get("/feed/stream", headers=own)).status_code == 429
        await stream.close()
