"""Records histories of the real processes for the replay tests: ``python -m tests.replay.record``.

Each scenario runs on a dev server in memory, with the workflow tests' fake activities and dates within
seconds; what the server then holds is written to ``histories/``. Payloads stay encrypted, with the tests' key.
Record anew only when no process of an earlier version can be running any more: until then the old histories
are the proof that today's code takes up yesterday's processes.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from domain.market.negotiation import MerchantLimits
from domain.market.policy import MarketPolicy
from domain.market.states import DeliveryKind
from domain.platform.workflows import NUDGE
from souk.stack.embedded import EmbeddedTemporal
from tests.conftest import TEST_KEY_RING
from tests.replay.record_checkouts import CHECKOUT_SCENARIOS
from tests.replay.record_webhooks import record_webhooks
from tests.workflows.checkout.shopper import ShoppingTown
from tests.workflows.market.books import BUYER, SELLER, Books
from tests.workflows.market.town import Town
from tests.workflows.waiting import has_begun, has_ended, until
from workflows.client import connect

HISTORIES = Path(__file__).with_name("histories")
Handles = dict[str, WorkflowHandle[Any, Any]]
POLICY = MarketPolicy(
    offer_expiry_seconds=2,
    purchase_window_seconds=1,
    promised_delivery_seconds=2,
    return_window_seconds=1,
    refund_answer_seconds=1,
    review_window_seconds=2,
    auto_answer_min_seconds=0.1,
    auto_answer_max_seconds=0.3,
    trust_fold_delay_seconds=0.1,
)


async def haggled_and_bought(town: Town) -> Handles:
    """Three rounds, a refusal, an accept, the purchase of the last stock, delivery, a review, the end."""
    await town.bid(600, quantity=10)
    await town.counter("bid", SELLER, 900, "ask")
    with suppress(WorkflowUpdateFailedError):
        await town.counter("ask", SELLER, 800, "not its turn")
    await town.counter("ask", BUYER, 700, "better bid")
    await town.answer("accept", "better bid", SELLER, round=3)
    await town.buy("better bid")
    await town.on_order("deliver_order", SELLER)
    await until(lambda: has_begun(town.window))
    await town.review()
    return {"negotiation-bought": town.deal, "order-delivered": town.order, "review-window-reviewed": town.window}


async def expired(town: Town) -> Handles:
    """A nudge with nothing due, then nobody answers."""
    await town.bid()
    await town.deal.signal(NUDGE)
    return {"negotiation-expired": town.deal}


async def lapsed(town: Town) -> Handles:
    """Accepted by a threshold, never bought."""
    town.books.limits = MerchantLimits(auto_accept_cents=500)
    await town.bid()
    return {"negotiation-auto-accepted-lapsed": town.deal}


async def reminded(town: Town) -> Handles:
    """Reminded of the answer, then of the purchase, which never comes."""
    town.books.reminds = True
    await town.bid()
    await until(lambda: "OFFER_EXPIRING_SOON to SELLER" in town.books.sent)
    await town.answer("accept", "bid", SELLER)
    return {"negotiation-reminded": town.deal}


async def reviewer_reminded(town: Town) -> Handles:
    town.books.reminds, town.books.delivery = True, DeliveryKind.INSTANT
    await town.buy()
    await until(lambda: has_begun(town.window))
    return {"review-window-reminded": town.window}


async def broken(town: Town) -> Handles:
    await town.bid(quantity=10)
    await town.answer("accept", "bid", SELLER)
    await town.answer("withdraw", "bid", SELLER, "broken")
    return {"negotiation-broken": town.deal}


async def released(town: Town) -> Handles:
    """The buyer lets go of what was held for it."""
    await town.bid(quantity=10)
    await town.answer("accept", "bid", SELLER)
    await town.answer("withdraw", "bid", BUYER, "released")
    return {"negotiation-released": town.deal}


async def unpaid(town: Town) -> Handles:
    """Reminded of the payment, which never comes."""
    town.policy = town.policy.model_copy(update={"payment_window_seconds": 1})
    town.books.reminds = True
    await town.buy()
    return {"order-unpaid": town.order}


async def declined(town: Town) -> Handles:
    """By the merchant, although it was paid."""
    await town.buy()
    await town.on_order("confirm_payment", SELLER)
    await town.on_order("decline_order", SELLER, reason="None left.")
    return {"order-declined": town.order}


async def appealed(town: Town) -> Handles:
    """A declined refund taken to the operators, who do not decide in time."""
    town.policy = town.policy.model_copy(update={"appeal_window_seconds": 5, "appeal_answer_seconds": 1})
    town.books.delivery = DeliveryKind.INSTANT
    await town.buy()
    await town.on_order("request_refund", BUYER)
    await town.on_order("answer_refund", SELLER, approve=False)
    await town.on_order("appeal_refund", BUYER, reason="It never lit.")
    return {"order-appealed": town.order}


async def refused(town: Town) -> Handles:
    town.books.gated = False
    with suppress(WorkflowUpdateFailedError):
        await town.bid(5_000)
    with suppress(WorkflowUpdateFailedError):
        await town.buy()
    return {"negotiation-refused": town.deal, "order-refused": town.order}


async def missed(town: Town) -> Handles:
    """Reminded, never delivered."""
    await town.buy()
    return {"order-missed": town.order}


async def refunded(town: Town) -> Handles:
    """Delivered at once, a refund asked for and never answered: the review window is void."""
    town.books.delivery = DeliveryKind.INSTANT
    await town.buy()
    await until(lambda: has_begun(town.window))
    await town.on_order("request_refund", BUYER)
    return {"order-refunded": town.order, "review-window-void": town.window}


async def unreviewed(town: Town) -> Handles:
    town.books.delivery = DeliveryKind.INSTANT
    await town.buy()
    await until(lambda: has_begun(town.window))
    return {"order-instant": town.order, "review-window-lapsed": town.window}


async def trusted(town: Town) -> Handles:
    """Some folds; the process itself never ends."""
    town.books.fold_batch, town.books.pending_facts = 2, 5
    await town.nudge_trust()
    await until(lambda: town.books.folds == [2, 2, 1])
    await town.trust.signal(NUDGE)
    await until(lambda: len(town.books.folds) == 4)
    return {"store-trust": town.trust}


SCENARIOS: tuple[Callable[[Town], Awaitable[Handles]], ...] = (
    haggled_and_bought, expired, lapsed, reminded, broken, refused, missed, refunded, unreviewed, reviewer_reminded,
    trusted, released, unpaid, declined, appealed,
)  # fmt: skip


async def record(address: str, namespace: str) -> None:
    async def now() -> datetime:
        return datetime.now(UTC)

    client = await connect(address, namespace, TEST_KEY_RING)
    HISTORIES.mkdir(exist_ok=True)
    scenarios: list[tuple[type[Town], Callable[[Any], Awaitable[Handles]]]] = [
        *((Town, scenario) for scenario in SCENARIOS),
        *((ShoppingTown, scenario) for scenario in CHECKOUT_SCENARIOS),
    ]
    for kind, scenario in scenarios:
        town = kind(client, Books(now), scenario.__name__, asyncio.sleep, POLICY, salt=scenario.__name__)
        async with town.worker():
            for name, handle in (await scenario(town)).items():
                if handle.id != town.trust.id:
                    await until(lambda handle=handle: has_ended(handle), seconds=20)
                path = HISTORIES / f"{name}.json"
                path.write_text((await handle.fetch_history()).to_json() + "\n")
                sys.stdout.write(f"{path.name}\n")
    for name, history in (await record_webhooks(client)).items():
        (HISTORIES / f"{name}.json").write_text(history + "\n")
        sys.stdout.write(f"{name}.json\n")


if __name__ == "__main__":
    with EmbeddedTemporal(None) as server:
        asyncio.run(record(server.address, server.namespace))
