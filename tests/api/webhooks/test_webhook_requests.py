"""What the webhook routes refuse. The setting for development is off here, so loopback is refused as well."""

from uuid import uuid4

import httpx
import pytest

from tests.api.conftest import Agent, register

PLACE = {"url": "https://agent.example/hook"}


async def refused(agent: Agent, method: str, path: str, body: dict[str, object]) -> tuple[int, str]:
    answer = await agent(method, path, body)
    return answer.status_code, answer.json().get("code", "")


@pytest.mark.parametrize(
    ("filters", "status", "code"),
    [
        ({"source": "INBOX", "types": ["STORE_CREATED"]}, 422, "webhook.filter_invalid"),
        ({"source": "ACTIVITY", "types": ["TRUST_MOVED"]}, 422, "webhook.filter_invalid"),
        ({"source": "INBOX", "store_id": str(uuid4())}, 422, "webhook.filter_invalid"),
        ({"source": "ACTIVITY", "store_id": str(uuid4())}, 404, "store.not_found"),
        ({"source": "ACTIVITY", "listing_id": str(uuid4())}, 404, "listing.not_found"),
        ({"source": "NOWHERE"}, 422, "request.invalid"),
        ({"source": "INBOX", "format": "UCP_ORDER"}, 422, "request.invalid"),
    ],
)
async def test_filters_that_do_not_fit(
    http: httpx.AsyncClient, filters: dict[str, object], status: int, code: str
) -> None:
    agent = await register(http, "CUSTOMER")
    assert await refused(agent, "POST", "/v1/webhooks", PLACE | filters) == (status, code)


async def test_changes_that_do_not_fit(http: httpx.AsyncClient) -> None:
    agent = await register(http, "CUSTOMER")
    made = (await agent.ok("POST", "/v1/webhooks", {**PLACE, "source": "INBOX"}))["webhook"]["webhook_id"]
    path = f"/v1/webhooks/{made}"
    assert (await refused(agent, "PATCH", path, {"types": ["NO_SUCH_TYPE"]}))[1] == "webhook.filter_invalid"
    assert (await refused(agent, "PATCH", path, {"url": "http://127.0.0.1/h"}))[1] == "webhook.address_refused"
    assert (await refused(agent, "POST", f"{path}/replay", {"cursor": "nowhere"}))[1] == "request.bad_cursor"
    assert (await refused(agent, "POST", f"{path}/rotate-secret", {"overlap_seconds": -1}))[1] == "request.invalid"
    assert (await agent.ok("GET", path))["url"] == PLACE["url"]


@pytest.mark.parametrize(
    "address",
    [
        "https://127.0.0.1/h", "https://localhost/h", "https://169.254.169.254/h", "https://[::1]/h",
        "https://10.1.2.3/h", "https://[::ffff:192.168.0.1]/h", "https://2130706433/h", "https://postgres/h",
        "https://metadata.google.internal/h", "http://agent.example/h", "https://user:pw@agent.example/h",
        "https://agent.example:22/h", "ftp://agent.example/h", "https://0x7f.1/h", "https://[64:ff9b::7f00:1]/h",
        "https://[fd00:ec2::254]/h", "https://168.63.129.16/h", "javascript:alert(1)", "nonsense", "https://[::1",
        "https://agent.example:99999/h", "https://\u2460\u2461\u2466.0.0.1/h",
    ],
)  # fmt: skip
async def test_private_addresses_cannot_be_registered(http: httpx.AsyncClient, address: str) -> None:
    """No answer repeats the address."""
    agent = await register(http, "CUSTOMER")
    answer = await agent("POST", "/v1/webhooks", {"url": address, "source": "INBOX"})
    assert (answer.status_code, answer.json()["code"]) == (422, "webhook.address_refused")
    assert address not in answer.text
    assert (await agent.ok("GET", "/v1/webhooks"))["items"] == []
