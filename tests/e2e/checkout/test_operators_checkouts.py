"""A checkout session that fails is shown to operators as any process is, and woken by the configured policies."""

import pytest

from config.settings import Settings
from config.specs import workflow_specs
from domain.checkout.commands import CheckoutStart
from domain.checkout.policy import CheckoutPolicy
from domain.market.policy import MarketPolicy
from tests.e2e.checkout.ucp_shop import Caller
from tests.e2e.people import Agent, Shop, eventually
from tests.e2e.test_operators import WHY, operator_of
from tests.running import RunningSouk
from tests.shopping_platform import ShoppingPlatform
from workflows.client import connect


@pytest.fixture
def operator(shopping_souk: RunningSouk) -> Agent:
    return operator_of(shopping_souk.url, shopping_souk.settings.database_url)


async def _terminate(settings: Settings, workflow_id: str) -> None:
    client = await connect(
        settings.temporal_address, settings.temporal_namespace, settings.payload_keys.get_secret_value()
    )
    await client.get_workflow_handle(workflow_id).terminate("a test")


def test_a_dead_session_is_shown_and_woken(shopping_souk: RunningSouk, ucp_shop: Shop, operator: Agent) -> None:
    with ShoppingPlatform(shopping_souk.url) as platform:
        session_id = Caller(platform).ready(ucp_shop.listing_id)["id"]
    shopping_souk.run(_terminate(shopping_souk.settings, f"checkout/{session_id}"))

    def attention() -> list[tuple[str, str]]:
        items = operator.get("/v1/operations/attention")["items"]
        return [(item["why"], item["action"]) for item in items if item["id"] == session_id]

    eventually(attention, until=lambda found: found == [("dead letter", "wake")])
    page = f"/v1/operations/processes/checkout/{session_id}"
    shown = operator.get(page)
    assert shown["differences"]
    assert not {name for name in shown["projection"] if "cents" in name or name in {"buyer", "fulfillment"}}
    operator.post(f"{page}/wake", WHY)
    woken = eventually(lambda: operator.get(page), until=lambda found: not found["differences"])
    assert woken["workflow"]["running"]


def test_whoever_restarts_a_session_gives_it_the_configured_policies(settings: Settings) -> None:
    configured = settings.model_copy(
        update={"checkout": CheckoutPolicy(session_seconds=77), "market": MarketPolicy(purchase_window_seconds=78)}
    )
    spec, key = workflow_specs(configured).find("checkout/0192b5d0-0000-7000-8000-000000000000")
    start = spec.restarted(key, {"store_id": key}).start
    assert isinstance(start, CheckoutStart)
    assert (start.policy.session_seconds, start.market.purchase_window_seconds) == (77, 78)
