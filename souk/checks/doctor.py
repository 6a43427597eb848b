"""What is wrong with single processes, and what mends each: for ``souk doctor`` and ``souk audit --fix``.

A process keeps nothing that its projection does not hold, so waking it is always safe: it reads the rows,
does what has come due under their locks, and goes on; one that is gone is started anew. That is the only
repair made here. What waking cannot mend, work that fails over and over, is shown with the way out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.books import OTHER_BOOKS
from activities.checkout.telling import wake_checkout
from activities.market.audit import MARKET_BOOK, list_ids, running_query
from activities.market.projections import start_of
from activities.market.waking import Start, nudge, wake
from activities.webhooks.waking import wake_delivery
from db.checkout.sessions import list_overdue_checkouts
from db.checkout.tables import CheckoutRow
from db.market import negotiations, orders, trust
from db.market.tables import Negotiation
from db.session import Database
from db.webhooks.pending import FailingEndpoint, list_failing
from domain.checkout.commands import CheckoutStart
from domain.checkout.policy import CheckoutPolicy
from domain.checkout.processes import checkout_process
from domain.market.policy import MarketPolicy
from domain.market.processes import negotiation_process, order_process, review_window_process, store_trust_process
from domain.market.states import OfferStatus

OVERDUE, ORPHANED, UNEXPECTED, STUCK = "overdue", "orphaned", "unexpected", "stuck"
_BOOKS = (MARKET_BOOK, *OTHER_BOOKS)
_RETRYING = 3
_MOST = 500


@dataclass(frozen=True, slots=True)
class Ailment:
    """One process and what is wrong with it. ``safe``: waking it is the whole repair."""

    kind: str
    process_id: str
    what: str
    safe: bool = True

    @property
    def command(self) -> str:
        """What resolves it, to be pasted into a shell."""
        mend = f"souk audit --fix --only {self.process_id}"
        if self.safe:
            return mend
        return f"temporal workflow terminate --workflow-id {self.process_id} --reason stuck; {mend}"


async def diagnose(database: Database, client: Client) -> list[Ailment]:
    """Everything overdue, orphaned, unexpected or stuck, one entry per process; the gravest word wins."""
    found: dict[str, Ailment] = {}
    async with database.transaction() as session:
        for ailment in await _overdue(session):
            found[ailment.process_id] = ailment
    must, may = await list_ids(database, _BOOKS)
    running = {execution.id async for execution in client.list_workflows(running_query(_BOOKS))}
    for process_id in sorted((must - running) | (running - may)):
        runs = await describe(client, process_id) is not None
        must, may = await list_ids(database, _BOOKS)
        if process_id in must and not runs:
            found[process_id] = Ailment(ORPHANED, process_id, "its projection is open and no process runs")
        elif runs and process_id not in may:
            found[process_id] = Ailment(UNEXPECTED, process_id, "it runs though its projection is closed or missing")
    for process_id in sorted(running):
        if trouble := await describe(client, process_id):
            found[process_id] = Ailment(STUCK, process_id, trouble, safe=False)
    return sorted(found.values(), key=lambda ailment: (ailment.kind, ailment.process_id))


async def list_failing_webhooks(database: Database) -> list[FailingEndpoint]:
    """Endpoints that take nothing. Their owners must mend them; nothing here is wrong."""
    async with database.transaction() as session:
        return await list_failing(session, _MOST)


async def _overdue(session: AsyncSession) -> list[Ailment]:
    found = []
    for key in await negotiations.list_overdue_negotiations(session, _MOST):
        negotiation = await session.get_one(Negotiation, key)
        held = negotiation.status is OfferStatus.ACCEPTED
        what = "a lapsed hold: the stock was not returned" if held else "an offer that should have ended stands"
        found.append(Ailment(OVERDUE, negotiation_process(key), what))
    found += [
        Ailment(OVERDUE, order_process(key), "a date of the order has passed")
        for key in await orders.list_overdue_orders(session, _MOST)
    ]
    found += [
        Ailment(OVERDUE, review_window_process(key), "the review window should have closed")
        for key in await orders.list_overdue_review_windows(session, _MOST)
    ]
    found += [
        Ailment(OVERDUE, checkout_process(row.checkout_id), "a session, a completion or a refund stands still")
        for row in await list_overdue_checkouts(session, _MOST)
    ]
    found += [
        Ailment(OVERDUE, store_trust_process(key), "a missing nudge: facts wait to be folded")
        for key in await trust.list_stores_needing_fold(session, _MOST)
    ]
    return found


async def describe(client: Client, process_id: str) -> str | None:
    """None when it does not run; else what it retries over and over, or nothing."""
    try:
        described = await client.get_workflow_handle(process_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    if described.status is not WorkflowExecutionStatus.RUNNING:
        return None
    raw = described.raw_description
    if raw.HasField("pending_workflow_task") and raw.pending_workflow_task.attempt >= _RETRYING:
        return f"its workflow task failed {raw.pending_workflow_task.attempt - 1} times"
    for pending in raw.pending_activities:
        if pending.attempt >= _RETRYING:
            return f"its activity {pending.activity_type.name} failed {pending.attempt - 1} times"
    return ""


async def repair(database: Database, client: Client, policy: MarketPolicy, ailments: Sequence[Ailment]) -> int:
    """Wake every process for which that is safe. Returns how many; running it again changes nothing more."""
    mended = 0
    for ailment in ailments:
        if not ailment.safe:
            continue
        if ailment.process_id.startswith("webhook/"):
            # Also one whose endpoint is gone: it looks, and ends.
            await wake_delivery(client, UUID(ailment.process_id.removeprefix("webhook/")))
            mended += 1
            continue
        start = await _start_of(database, policy, ailment.process_id)
        if start is None or ailment.kind == UNEXPECTED:
            await nudge(client, ailment.process_id)
        elif isinstance(start, CheckoutStart):
            await wake_checkout(client, start)
        else:
            await wake(client, start)
        mended += 1
    return mended


async def _start_of(database: Database, policy: MarketPolicy, process_id: str) -> Start | CheckoutStart | None:
    """How its process is started, read from a projection that may need one; None when there is none."""
    async with database.transaction() as session:
        if not process_id.startswith("checkout/"):
            return await start_of(session, policy, process_id)
        row = await session.get(CheckoutRow, UUID(process_id.removeprefix("checkout/")))
        if row is None:
            return None
        return CheckoutStart(checkout_id=row.checkout_id, store_id=row.store_id, policy=CheckoutPolicy(), market=policy)
