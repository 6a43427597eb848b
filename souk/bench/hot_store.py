"""Bench ``hot-store``: one store's processes are started by the thousand; how long do the other stores' offers take?

Two stacks take turns: one whose Temporal serves waiting tasks by fairness key, a store each, as `souk up` has it, and
one whose Temporal serves them in the order of their coming. The hot store's starts are processes that find nothing to
do and end: what they cost is their first task, which is all that can wait in the queue.

The offers begin at an even pace while the hot store's processes start, each by a buyer of its own: one that waits keeps
none of the others from beginning, or most would be measured when the backlog is gone.
"""

import asyncio
import time
from uuid import UUID

from activities.market.waking import wake
from db.platform.ids import new_id
from domain.market.commands import NegotiationStart
from souk.bench.deals import Deal, Shop, register
from souk.bench.harness import LIFTED, Bench, Market
from souk.bench.results import Result, quantile
from souk.drills.stack import DrillStack

STARTS, QUICK_STARTS = 1_000, 150
OTHERS, BUYERS = 6, 4
GOAL = 0.5
_AT_ONCE = 32
_LEAD_SECONDS = 0.5
_STARTS_PER_SECOND = 160
"""Faster than a worker ends them here: the last offer begins while many still wait."""
_IN_ORDER: dict[str, object] = {"matching.enableFairness": False}
# Without fairness an offer waits for the whole backlog: it is measured, not refused.
_PATIENT = {**LIFTED, "SOUK_UPDATE_TIMEOUT_SECONDS": "120", "SOUK_IDEMPOTENCY_LEASE_SECONDS": "130"}


class _Town:
    """One stack's market: a hot store, and others whose buyers make an offer each and take it back."""

    def __init__(self, market: Market, hot: Shop, others: list[Deal]) -> None:
        self.market = market
        self.hot = hot
        self.others = others

    @classmethod
    async def build(cls, market: Market) -> "_Town":
        others = []
        for _ in range(OTHERS):
            shop = await Shop.open(market.api)
            for _ in range(BUYERS):
                others.append(Deal(shop, await register(market.api, "CUSTOMER")))
                await others[-1].question()
        return cls(market, await Shop.open(market.api), others)

    async def offers(self, pause: float) -> list[float]:
        """How long each offer of the other stores took, in ms. One begins every ``pause`` seconds."""
        found: list[float] = []

        async def trade(deal: Deal, after: float) -> None:
            await asyncio.sleep(after)
            started = time.monotonic()
            made = await deal.step("offer")
            found.append((time.monotonic() - started) * 1000)
            await deal.buyer.post(f"/v1/offers/{made['offer_id']}/withdraw")

        await asyncio.gather(*(trade(deal, number * pause) for number, deal in enumerate(self.others)))
        return found

    async def flood(self, starts: int) -> float:
        """Start the hot store's processes as fast as Temporal takes them, and wait for all. Returns the seconds."""
        gate, begun = asyncio.Semaphore(_AT_ONCE), time.monotonic()
        ids = [new_id() for _ in range(starts)]

        async def start(negotiation_id: UUID) -> None:
            async with gate:
                policy = self.market.settings.market
                store_id, listing_id = UUID(self.hot.store_id), UUID(self.hot.listing_id)
                await wake(
                    self.market.temporal,
                    NegotiationStart(
                        negotiation_id=negotiation_id, listing_id=listing_id, store_id=store_id, policy=policy
                    ),
                )

        await asyncio.gather(*(start(one) for one in ids))
        for one in ids:
            await self.market.temporal.get_workflow_handle(f"negotiation/{one}").result()
        return time.monotonic() - begun

    async def under_flood(self, starts: int) -> tuple[list[float], float]:
        flood = asyncio.create_task(self.flood(starts))
        await asyncio.sleep(_LEAD_SECONDS)
        times = await self.offers(_pause(starts))
        return times, await flood


def _pause(starts: int) -> float:
    """Between two offers, so that all of them begin while so many starts are under way."""
    return starts / (OTHERS * BUYERS * _STARTS_PER_SECOND)


def run_hot_store(bench: Bench) -> Result:
    """From the main thread. Raises StackError when a stack does not come up."""
    starts = QUICK_STARTS if bench.quick else STARTS
    result = bench.result(
        "hot-store",
        "One hot store",
        f"an offer to another store while one store's {starts:,} processes start, tasks served by store in turn",
        "the same with tasks served in the order of their coming",
        f"median and p95 ≤ {GOAL} ×",
    )
    bench.tell("starting two stacks")
    with (
        DrillStack(bench.data_dir / "in-turn", _PATIENT) as fair,
        DrillStack(bench.data_dir / "in-order", _PATIENT, _IN_ORDER) as plain,
    ):
        asyncio.run(_measure(bench, fair, plain, result, starts))
    return result


async def _measure(bench: Bench, fair: DrillStack, plain: DrillStack, result: Result, starts: int) -> None:
    async with Market(fair) as in_turn, Market(plain) as in_order:
        bench.tell("opening stores")
        towns = [await _Town.build(in_turn), await _Town.build(in_order)]
        for town in towns:
            await town.offers(_pause(starts))

        async def one_round(_: int) -> None:
            quiet = [await town.offers(_pause(starts)) for town in towns]
            (fair_times, fair_flood), (plain_times, plain_flood) = [await town.under_flood(starts) for town in towns]
            for name, share, most in (("p50", 0.5, GOAL), ("p95", 0.95, GOAL)):
                row = result.compare(f"offer to another store, {name}", "ms", at_most=most)
                row.subject.append(quantile(fair_times, share))
                row.floor.append(quantile(plain_times, share))
            row = result.compare("the same on a quiet market, p50", "ms")
            row.subject.append(quantile(quiet[0], 0.5))
            row.floor.append(quantile(quiet[1], 0.5))
            row = result.compare("until the hot store's last process ended", "s")
            row.subject.append(fair_flood)
            row.floor.append(plain_flood)

        await bench.in_turns(result, one_round)
        for market in (in_turn, in_order):
            await market.audit(result, bench.tell)
