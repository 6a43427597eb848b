"""Bench ``trust``: a store with a hundred thousand facts beside one with a thousand.

The history of both is made by Souk's own rules, fact by fact, and copied in with its events and folds; so both
profiles verify. Then, in turns: fold what has just happened, verify the whole, read the pages.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from activities.market.trust import PostgresTrustActivities
from db import locks
from db.market import trust
from db.market.tables import TrustProfile
from db.platform import writes
from db.platform.events import record_event
from db.platform.ids import new_id
from domain.market.commands import StoreTrustStart
from domain.market.policy import MarketPolicy
from domain.market.states import ActivityType
from domain.market.trust import RecordedTrustEvent, TrustReason, TrustState, record_fact
from souk.bench.deals import Shop, register
from souk.bench.flow import settle
from souk.bench.harness import LIFTED, Bench, Market
from souk.bench.http import Caller
from souk.bench.results import Result, quantile
from souk.checks.trust import verify_database
from souk.drills.stack import DrillStack

LARGE, QUICK_LARGE, SMALL = 100_000, 5_000, 1_000
LINEAR, FLAT = 1.3, 1.3
_FOLDED_AT_ONCE = 500
_PENDING = 100
_READS = 40
_REASONS = (TrustReason.REVIEW_POSTED, TrustReason.OFFER_HONORED, TrustReason.MERCHANT_REPLIED_IN_THREAD)
_PER_SUBJECT = 6
_EARLIER = {
    TrustReason.REVIEW_POSTED: "earlier_reviews",
    TrustReason.OFFER_HONORED: "earlier_honored",
    TrustReason.MERCHANT_REPLIED_IN_THREAD: "earlier_questions",
}
_PAGES = {
    "store": "/v1/stores/{store}",
    "trust": "/v1/stores/{store}/trust",
    "trust events": "/v1/stores/{store}/trust/events?limit=50",
    "trust events, oldest": "/v1/stores/{store}/trust/events?limit=50&order=oldest",
}


def _known_inputs(reason: TrustReason, number: int) -> dict[str, Any]:
    """What is known when the fact is written."""
    if reason is TrustReason.REVIEW_POSTED:
        return {"rating": 1 + number % 5, "weight_cents": 1_500, "full_weight_cents": 1_000, "paid": True}
    if reason is TrustReason.OFFER_HONORED:
        return {}
    return {"latency_ms": number % 80_000_000, "deadline_ms": 86_400_000}


@dataclass(slots=True)
class _Store:
    """One of the two, and the customers whose doings its facts are."""

    store_id: UUID
    subjects: list[UUID]
    facts: int = 0

    def next_fact(self) -> tuple[TrustReason, UUID, dict[str, Any]]:
        number = self.facts
        self.facts += 1
        reason = _REASONS[number % len(_REASONS)]
        subject = self.subjects[(number // len(_REASONS)) % len(self.subjects)]
        return reason, subject, _known_inputs(reason, number)


def run_trust(bench: Bench) -> Result:
    """From the main thread. Raises StackError when the stack does not come up."""
    large = QUICK_LARGE if bench.quick else LARGE
    result = bench.result(
        "trust",
        "A store's trust",
        f"a store with {large:,} facts: fold, verify, page",
        f"a store with {SMALL:,}",
        "linear fold, page flat",
    )
    bench.tell("starting a stack")
    with DrillStack(bench.data_dir, LIFTED) as stack:
        asyncio.run(_measure(bench, stack, large, result))
    return result


async def _measure(bench: Bench, stack: DrillStack, large: int, result: Result) -> None:
    async with Market(stack) as market:
        reader = await register(market.api, "CUSTOMER")
        bench.tell(f"making histories of {large:,} and {SMALL:,} facts")
        stores = {name: await _make(market, size) for name, size in (("subject", large), ("floor", SMALL))}
        activity = PostgresTrustActivities(market.database)
        for store in stores.values():
            await _fold(market, activity, store)
            await _read(reader, store)

        async def one_round(_: int) -> None:
            for side, store in stores.items():
                fold = await _fold(market, activity, store)
                verified, events = await _verify(market, store)
                _add(result, side, "fold, per fact", "ms", LINEAR, fold)
                _add(result, side, "verify, per event", "µs", LINEAR, verified / events * 1_000_000)
                for name, taken in (await _read(reader, store)).items():
                    _add(result, side, f"page of the {name}, p50", "ms", FLAT, taken)

        await bench.in_turns(result, one_round)
        reader.close()
        await settle()
        await market.audit(result, bench.tell)


def _add(result: Result, side: str, name: str, unit: str, most: float, value: float) -> None:
    row = result.compare(name, unit, at_most=most)
    (row.subject if side == "subject" else row.floor).append(value)


async def _make(market: Market, size: int) -> _Store:
    """A store of a shop whose own first facts are folded, then its history."""
    shop = await Shop.open(market.api)
    shop.owner.close()
    store_id = UUID(shop.store_id)
    while True:
        async with market.database.transaction() as transaction:
            profile = await transaction.get_one(TrustProfile, store_id)
            pending = (await trust.read_fold(transaction, store_id, 1)).pending
        if profile.sequence and not pending:
            break
        await asyncio.sleep(0.1)
    with psycopg.connect(market.owner_url) as connection:
        made = connection.execute(
            "INSERT INTO agents (agent_id, agent_type, handle, display_name)"
            " SELECT uuidv7(), 'CUSTOMER', 'fact-' || %s || '-' || n, 'Fact' FROM generate_series(1, %s) n"
            " RETURNING agent_id",
            [str(store_id), max(1, size // _PER_SUBJECT)],
        ).fetchall()
    store = _Store(store_id, [row[0] for row in made])
    state = trust.state_of(profile)
    with psycopg.connect(market.owner_url) as connection:
        state, sequence, last = _copy_history(connection, store, size, state, profile)
    async with market.database.transaction() as transaction:
        kept = await locks.lock_trust_profile(transaction, store_id)
        assert kept is not None
        folded = {"sequence": sequence, "folds": kept.folds + len(last)}
        writes.change(transaction, kept, **folded, **trust.state_values(state, kept.last_updated_at))
        for event_id in last:
            record_event(transaction, ActivityType.TRUST_UPDATED, store_id=store_id, trust_event_id=event_id)
    with psycopg.connect(market.owner_url, autocommit=True) as connection:
        connection.execute("ANALYZE")
    return store


def _copy_history(
    connection: psycopg.Connection[Any], store: _Store, size: int, state: TrustState, profile: TrustProfile
) -> tuple[TrustState, int, list[UUID]]:
    """Facts and their events, as if folded so many at a time. Returns the state, and the last event of each fold."""
    sequence, fold = profile.sequence, profile.folds
    earlier: Counter[tuple[TrustReason, UUID]] = Counter()
    facts: list[tuple[Any, ...]] = []
    events: list[tuple[Any, ...]] = []
    last: dict[int, UUID] = {}
    for number in range(size):
        if number % _FOLDED_AT_ONCE == 0:
            fold += 1
        reason, subject, known = store.next_fact()
        fact_id, source = new_id(), new_id()
        inputs = known | {_EARLIER[reason]: earlier[reason, subject]}
        earlier[reason, subject] += 1
        state, rows = record_fact(state, source, reason, inputs, sequence + 1)
        sequence += len(rows)
        facts.append((fact_id, store.store_id, source, reason.value, Jsonb(known), subject))
        events += [_event_row(last, fold, store.store_id, fact_id, row) for row in rows]
    with connection.cursor() as cursor:
        with cursor.copy(
            "COPY trust_facts (fact_id, store_id, source_event_id, reason, inputs, subject_agent_id) FROM STDIN"
        ) as copy:
            for fact in facts:
                copy.write_row(fact)
        cursor.execute("UPDATE trust_facts SET folded_at = now() WHERE store_id = %s AND folded_at IS NULL",
                       [store.store_id])  # fmt: skip
        # The database seals the sources that are private.
        cursor.execute("SELECT fact_id, source_event_id FROM trust_facts WHERE store_id = %s", [store.store_id])
        sources = dict(cursor.fetchall())
        with cursor.copy(
            "COPY trust_events (trust_event_id, store_id, reason, delta_overall, sequence, fold, fact_id,"
            " source_event_id, component, delta_r, delta_s, formula_version, inputs, component_before_milli,"
            " component_after_milli, overall_before_milli, overall_after_milli) FROM STDIN"
        ) as copy:
            for event in events:
                copy.write_row((*event[:7], sources[event[6]], *event[8:]))
    return state, sequence, list(last.values())


def _event_row(last: dict[int, UUID], fold: int, store_id: UUID, fact_id: UUID, row: RecordedTrustEvent) -> Any:
    event_id = last[fold] = new_id()
    return (
        event_id, store_id, row.reason.value, (row.score_after - row.score_before) / 1000, row.sequence, fold, fact_id,
        row.source_event_id, row.component.value, row.dr, row.ds, row.formula_version, Jsonb(dict(row.inputs)),
        row.component_before, row.component_after, row.score_before, row.score_after,
    )  # fmt: skip


async def _fold(market: Market, activity: PostgresTrustActivities, store: _Store) -> float:
    """Milliseconds per fact that Souk's own activity takes to fold what has just been written."""
    async with market.database.session() as session:
        now = await locks.clock(session)
        for _ in range(_PENDING):
            reason, subject, known = store.next_fact()
            trust.insert_fact(
                session, store_id=store.store_id, source_event_id=new_id(), reason=reason, inputs=known,
                occurred_at=now, subject_agent_id=subject,
            )  # fmt: skip
    started = time.monotonic()
    folded = await activity.fold_trust(StoreTrustStart(store_id=store.store_id, policy=MarketPolicy()))
    taken = time.monotonic() - started
    if folded.facts != _PENDING:
        raise RuntimeError(f"{folded.facts} facts were folded where {_PENDING} waited")
    return taken * 1000 / _PENDING


async def _verify(market: Market, store: _Store) -> tuple[float, int]:
    """Seconds and events; the profile must be the fold of its events."""
    started = time.monotonic()
    async for verified in verify_database(market.settings.role_url("worker"), store.store_id):
        if verified.breaches:
            raise RuntimeError(f"the trust of a bench's store does not verify: {verified.breaches[0]}")
        return time.monotonic() - started, verified.events
    raise RuntimeError("the store of a bench is gone")


async def _read(reader: Caller, store: _Store) -> dict[str, float]:
    found = {}
    for name, path in _PAGES.items():
        times = []
        for _ in range(_READS):
            started = time.monotonic()
            await reader.get(path.format(store=store.store_id))
            times.append((time.monotonic() - started) * 1000)
        found[name] = quantile(times, 0.5)
    return found
