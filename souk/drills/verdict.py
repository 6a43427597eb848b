"""Judgement after a crash drill: the ledger against the database, the invariants, the processes.

The database was empty before, so the books must balance both ways: every acknowledged write is there once,
and every row that is there was acknowledged once. Nothing else may exist.
"""

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client

from activities.platform.auditing import audit_processes, audit_projections
from activities.platform.specs import WorkflowSpecs
from db.platform.database import Database
from domain.platform.workflows import SWEEP
from souk.checks.doctor import describe, diagnose
from souk.checks.trust import verify_database
from souk.drills.ledger import ACKNOWLEDGED, FAULT, REFUSED, UNKNOWN, Ledger, answered_id
from souk_client import ApiProblem

# What is made: the answer's id, and every row of the kind that a client caused.
_MADE: dict[str, tuple[str, str]] = {
    "register": ("agent.agent_id", "SELECT agent_id FROM agents"),
    "store": ("store_id", "SELECT store_id FROM stores"),
    "product": ("product_id", "SELECT product_id FROM products"),
    "listing": ("listing_id", "SELECT listing_id FROM listings"),
    "thread": ("thread_id", "SELECT thread_id FROM threads WHERE type <> 'REVIEW'"),
    "message": ("message_id", "SELECT message_id FROM messages EXCEPT SELECT message_id FROM reviews"),
    "offer": ("offer_id", "SELECT offer_id FROM offers WHERE round = 1"),
    "counter": ("offer_id", "SELECT offer_id FROM offers WHERE round > 1"),
    "reference": ("offer_ref_id", "SELECT offer_ref_id FROM offer_references"),
    "order": ("order_id", "SELECT order_id FROM orders"),
    "review": ("review_id", "SELECT review_id FROM reviews"),
}  # fmt: skip
# What is done to something: each row one doing of it.
_DONE: dict[str, str] = {
    "accept": "SELECT offer_id FROM offers WHERE accepted_at IS NOT NULL",
    "reject": "SELECT offer_id FROM offers WHERE rejected_at IS NOT NULL",
    "withdraw": "SELECT offer_id FROM offers"
    " WHERE close_reason IN ('WITHDRAWN', 'BROKEN_BY_SELLER', 'RELEASED_BY_BUYER')",
    "cancel": "SELECT order_id FROM orders WHERE refund_reason = 'CANCELLED_BY_BUYER'",
    "decline": "SELECT order_id FROM orders WHERE refund_reason = 'DECLINED_BY_SELLER'",
    "refund_request": "SELECT order_id FROM orders WHERE refund_requested_at IS NOT NULL",
    "refund_granted": "SELECT order_id FROM orders WHERE refund_reason = 'GRANTED'",
    "appeal": "SELECT order_id FROM orders WHERE appealed_at IS NOT NULL",
    "appeal_granted": "SELECT order_id FROM orders WHERE refund_reason = 'APPEAL_GRANTED'",
    # Not by the date: the operators' log has what was decided.
    "appeal_declined": "SELECT meta ->> 'entity' FROM operator_audit_log JOIN orders"
    " ON order_id::text = meta ->> 'entity' AND appeal_declined_at IS NOT NULL WHERE action = 'order.appeal_declined'",
    "block": "SELECT agent_id FROM store_blocks",
    "refund_declined": "SELECT order_id FROM orders WHERE refund_declined_at IS NOT NULL",
    "deliver": "SELECT order_id FROM orders WHERE delivery = 'SHIPPED' AND delivered_at IS NOT NULL",
    "payment": "SELECT order_id FROM orders WHERE payment_source = 'CONFIRMED'",
    "restock": "SELECT listing_id FROM stock_movements WHERE reason = 'ADJUSTED'",
    "price": "SELECT linked_listing_id FROM store_updates WHERE update_type = 'PRICE_UPDATED'",
}


@dataclass(slots=True)
class Verdict:
    """What a drill found. Every text in it is one breach."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    invariants: list[str] = field(default_factory=list)
    trust: list[str] = field(default_factory=list)
    prices: list[str] = field(default_factory=list)

    def all(self) -> list[str]:
        broken = [*self.lost, *self.doubled, *self.unresolved, *self.faults, *self.stuck, *self.invariants]
        return [*broken, *self.trust, *self.prices]


async def balance(session: AsyncSession, ledger: Ledger, verdict: Verdict) -> None:
    """The ledger against the rows, both ways and with counts."""
    for kind, (name, query) in _MADE.items():
        asked = Counter(answered_id(entry, name) for entry in ledger.acknowledged(kind))
        await _compare(session, kind, asked, query, verdict)
    for kind, query in _DONE.items():
        asked = Counter(entry.subject for entry in ledger.acknowledged(kind))
        await _compare(session, kind, asked, query, verdict)
    verdict.faults += ledger.read_faults
    known = {*_MADE, *_DONE}
    for entry in ledger.entries:
        assert entry.kind in known, entry.kind
        if entry.state == UNKNOWN:
            verdict.unresolved.append(f"{entry.kind} {entry.key} never got a final answer ({entry.code})")
        elif entry.state == FAULT:
            verdict.faults.append(f"{entry.kind} {entry.key} was answered {entry.code}")


def at_other_prices(ledger: Ledger) -> list[str]:
    """Orders that were placed at another list price than the one their buyer had seen and named."""
    named = ((entry, entry.body.get("expected_unit_price_cents")) for entry in ledger.acknowledged("order"))
    return [
        f"order {entry.answer['order_id']} costs {entry.answer['unit_price_cents']}, its buyer agreed to {seen}"
        for entry, seen in named
        if seen is not None and entry.answer["unit_price_cents"] != seen
    ]


async def _compare(session: AsyncSession, kind: str, asked: Counter[str], query: str, verdict: Verdict) -> None:
    there = Counter(str(row[0]) for row in (await session.execute(text(query))).all())
    verdict.lost += [f"{kind} {key}: acknowledged {n}, found {there[key]}" for key, n in (asked - there).items()]
    verdict.doubled += [f"{kind} {key}: found {there[key]}, acknowledged {asked[key]}" for key in there - asked]


async def replay(ledger: Ledger, verdict: Verdict) -> int:
    """Ask everything once more with the same keys: the answers must be the same. Returns how many were asked."""
    asked = 0
    for entry in ledger.acknowledged():
        asked += 1
        answer = await entry.who.repeat(entry)
        if answer != entry.answer:
            verdict.doubled.append(f"{entry.kind} {entry.key} is answered differently when asked again")
    for entry in [entry for entry in ledger.entries if entry.state == REFUSED]:
        asked += 1
        try:
            await entry.who.repeat(entry)
        except ApiProblem as problem:
            if problem.code == entry.code:
                continue
        verdict.doubled.append(f"{entry.kind} {entry.key} was refused ({entry.code}) and is not when asked again")
    return asked


async def unwell(database: Database, client: Client, specs: WorkflowSpecs) -> list[str]:
    """What has not settled: processes that ended badly, and whatever ``souk doctor`` would name."""
    found = [
        f"{execution.id} ended as {execution.status.name if execution.status else 'unknown'}"
        async for execution in client.list_workflows('ExecutionStatus IN ("Failed", "TimedOut", "Terminated")')
    ]
    ailments = await diagnose(database, client, specs)
    found += [f"{ailment.kind} {ailment.process_id}: {ailment.what}" for ailment in ailments]
    async for execution in client.list_workflows(f'ExecutionStatus = "Running" AND WorkflowType = "{SWEEP}"'):
        if trouble := await describe(client, execution.id):
            found.append(f"{execution.id}: {trouble}")
    return found


async def judge(database: Database, url: str, client: Client, ledger: Ledger, specs: WorkflowSpecs) -> Verdict:
    """Everything a drill must show, once the market has settled and nobody writes any more."""
    verdict = Verdict(prices=at_other_prices(ledger))
    async with database.session() as session:
        await balance(session, ledger, verdict)
    findings = [*await audit_projections(database, specs.rows), await audit_processes(client, database, specs)]
    verdict.invariants = [f"invariant {found.invariant}: {example}" for found in findings for example in found.examples]
    async for verified in verify_database(url, None):
        verdict.trust += [f"store {verified.store_id}: {breach}" for breach in verified.breaches]
    return verdict


def recovery_seconds(ledger: Ledger, struck_at: list[float], commands: frozenset[str]) -> list[float]:
    """For each blow, until the first process command that was sent after it and acknowledged."""
    done = sorted((e.sent_at, e.answered_at) for e in ledger.entries if e.state == ACKNOWLEDGED and e.kind in commands)
    times = []
    for moment in struck_at:
        later = [answered for sent, answered in done if sent >= moment]
        if later:
            times.append(min(later) - moment)
    return times
