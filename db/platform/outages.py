"""Signs of life of the parts, and the record of the times in which they were away.

Guards that an outage is recorded once, and moves its dates in the transaction that records it: whoever is killed in
between has recorded nothing, and the next sign of life records all of it. A step that may end something by its date
looks here first (``listen``): it takes the lock that recording excludes, so that no date is moved between the look and
the end, and ends nothing while an outage is not recorded.

The dates are the waits that contexts declare (``db/platform/contexts.py``). What is left of a date when the outage
begins is left when it ends: the clock of a wait stands still meanwhile, and at least ``least_left_seconds`` (or the
whole of a shorter wait) remain, so that the party has heard of it before the wait ends.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from db.platform.contexts import DbParts
from db.platform.events import notify
from db.platform.ids import new_id
from db.platform.transactions import Asks, Transaction
from db.platform.waiting import Wait
from domain.platform.errors import DomainError, ErrorKind
from domain.platform.outages import API_PART, Heard, OutageNews, OutagePolicy, Silence

_DATES = 7_305_811_204
"""The advisory lock: shared by steps that may end something, alone for whoever moves dates. Taken before any row."""

_LISTEN = f"""
SELECT part, beat_at, accounted_at, tolerated FROM heartbeats, (SELECT pg_advisory_xact_lock_shared({_DATES})) locked
WHERE part = ANY(%(parts)s::text[])
"""  # noqa: S608 - a number of our own
_HEARTBEATS = """
SELECT clock_timestamp(), part, beat_at, accounted_at, tolerated FROM (SELECT) one LEFT JOIN heartbeats ON true
ORDER BY part
"""
_API_BEAT = "SELECT souk_api_beats(%(tolerated)s::interval)"
_FIRST_BEAT = """
INSERT INTO heartbeats (part, beat_at, accounted_at, tolerated)
SELECT part, now, now, %(tolerated)s::interval FROM unnest(%(parts)s::text[]) part, clock_timestamp() now
ON CONFLICT (part) DO NOTHING
"""
# In one order, so that two workers wait for each other in turn. The clock is read when the rows are had.
_LOCK = """
SELECT part, accounted_at, resumed_at FROM heartbeats WHERE part = ANY(%(parts)s::text[]) OR part = %(api)s::text
ORDER BY part FOR UPDATE
"""
_BEAT = """
UPDATE heartbeats h SET beat_at = now, accounted_at = CASE WHEN now - accounted_at <= %(tolerated)s::interval THEN now
  ELSE accounted_at END, tolerated = %(tolerated)s::interval
FROM clock_timestamp() now WHERE part = ANY(%(parts)s::text[])
RETURNING part, accounted_at, now
"""
# Whoever holds the lock for longer is stuck. The heartbeat is made again, and holds nobody up behind it meanwhile.
_PATIENCE = "SET LOCAL lock_timeout = '5s'"
_ALONE = f"SELECT pg_advisory_xact_lock({_DATES})"
_ACCOUNTED = """
UPDATE heartbeats SET accounted_at = %(until)s::timestamptz, resumed_at = NULL,
  beat_at = greatest(beat_at, %(until)s::timestamptz)
WHERE part = %(part)s::text
"""
_OUTAGE = """
INSERT INTO outages (outage_id, part, began_at, ended_at)
VALUES (%(outage)s::uuid, %(part)s::text, %(began)s::timestamptz, %(ended)s::timestamptz)
"""
_COUNT = "UPDATE outages SET dates_moved = %(moved)s WHERE outage_id = %(outage)s::uuid"
# What earlier outages of the wait's parts have moved dates for already, counts once.
_NEW_PIECES = """
SELECT (tstzmultirange(tstzrange(%(began)s::timestamptz, %(ended)s::timestamptz))
  - coalesce((SELECT range_agg(tstzrange(began_at, ended_at)) FROM outages
              WHERE part = ANY(%(parts)s::text[]) AND ended_at > %(began)s::timestamptz), '{}'))::text
"""
_RECORDED_SINCE = """
SELECT EXISTS (SELECT 1 FROM outages WHERE recorded_at > clock_timestamp() - make_interval(secs => %(seconds)s::float8))
    OR EXISTS (SELECT 1 FROM heartbeats
               WHERE part = ANY(%(parts)s::text[]) AND clock_timestamp() - accounted_at > tolerated)
"""
_EXTENSIONS = text("SELECT * FROM operator_extended_dates WHERE entity_id = ANY(:entities) ORDER BY ended_at, wait")
_OUTAGES = text("SELECT part, began_at, ended_at FROM outages ORDER BY ended_at DESC LIMIT :most")
_NOBODY = "'{}'::uuid[]"


@dataclass(frozen=True, slots=True)
class Recorded:
    """An outage as it was written: when, of which part, and how many dates it moved."""

    part: str
    began_at: datetime
    ended_at: datetime
    dates_moved: int


async def listen(unit: Transaction | AsyncSession, parts: Collection[str]) -> Silence:
    """What a step asks before it reads the row whose date it may act on. The answer holds to the transaction's end."""
    transaction = unit if isinstance(unit, Transaction) else await Transaction.of(unit)
    return Silence([Heard(*row) for row in await transaction.run(_LISTEN, {"parts": list(parts)})])


async def silent_parts(transaction: Transaction) -> frozenset[str]:
    """The parts whose outage is not recorded: no date that depends on one of them ends anything now."""
    pulse = await read_pulse(transaction)
    return frozenset(heard.part for heard in pulse.parts if heard.is_silent(pulse.now))


@dataclass(frozen=True, slots=True)
class Pulse:
    """Every part that was ever heard of, and the database's clock."""

    now: datetime
    parts: list[Heard]


async def read_pulse(unit: Asks) -> Pulse:
    rows = await unit.run(_HEARTBEATS, {})
    return Pulse(rows[0][0], [Heard(*row[1:]) for row in rows if row[1] is not None])


async def api_beat(unit: Asks, policy: OutagePolicy) -> None:
    """Say that a process of the API works; all that its role may say."""
    await unit.run(_API_BEAT, {"tolerated": policy.tolerated})


async def may_have_misjudged(
    transaction: Transaction, parts: Collection[str], refused: DomainError, seconds: float
) -> bool:
    """Whether dates were moved during the last seconds, or will be: then a refusal may rest on an old date.

    ``parts``: those that its dates depend on. One that rests on a date is a conflict.
    """
    if refused.kind is not ErrorKind.CONFLICT:
        return False
    [(may,)] = await transaction.run(_RECORDED_SINCE, {"seconds": seconds, "parts": list(parts)})
    return bool(may)


async def beat(
    transaction: Transaction, contexts: DbParts, parts: Sequence[str], policy: OutagePolicy
) -> list[Recorded]:
    """Say that these parts work, and record what silence lies behind them, and behind the API."""
    values = {"parts": list(parts), "api": API_PART, "tolerated": policy.tolerated}
    await transaction.run(_PATIENCE, {})
    resumed = {part: (since, until) for part, since, until in await transaction.run(_LOCK, values)}
    if not set(parts) <= set(resumed):
        await transaction.run(_FIRST_BEAT, values)
    rows = await transaction.run(_BEAT, values)
    silences = [(part, since, now) for part, since, now in rows if since < now]
    if API_PART in resumed and (until := resumed[API_PART][1]) is not None:
        silences.append((API_PART, resumed[API_PART][0], until))
    if not silences:
        return []
    await transaction.run(_ALONE, {})
    return [await _record(transaction, contexts.waits, part, since, until, policy) for part, since, until in silences]


async def _record(
    transaction: Transaction, waits: Sequence[Wait], part: str, began: datetime, ended: datetime, policy: OutagePolicy
) -> Recorded:
    outage_id = new_id()
    pieces = {wait.name: await _new_pieces(transaction, wait, began, ended) for wait in waits if part in wait.parts}
    await transaction.run(_OUTAGE, {"outage": outage_id, "part": part, "began": began, "ended": ended})
    moved = 0
    for wait in waits:
        if pieces.get(wait.name, "{}") != "{}":
            moved += await _move(transaction, wait, outage_id, pieces[wait.name], ended, policy.least_left_seconds)
    await transaction.run(_COUNT, {"outage": outage_id, "moved": moved})
    await transaction.run(_ACCOUNTED, {"part": part, "until": ended})
    return Recorded(part, began, ended, moved)


async def _new_pieces(transaction: Transaction, wait: Wait, began: datetime, ended: datetime) -> str:
    [(pieces,)] = await transaction.run(_NEW_PIECES, {"parts": list(wait.parts), "began": began, "ended": ended})
    return str(pieces)


async def _move(
    transaction: Transaction, wait: Wait, outage_id: UUID, pieces: str, ended: datetime, least_left: float
) -> int:
    """Move a wait's dates and tell whom they concern. How many."""
    values = {"outage": outage_id, "wait": wait.name, "pieces": pieces, "ended": ended, "least": least_left}
    rows = await transaction.run(_moving(wait), values)
    for old_date, new_date, agents, *ids in rows:
        about: dict[str, Any] = dict(zip((name for name, _ in wait.about), ids, strict=True))
        for agent_id in agents:
            meta = {"wait": wait.name, "was_due_at": old_date.isoformat()}
            notify(transaction, agent_id, OutageNews.DATE_EXTENDED, **about, due_at=new_date, meta=meta)
    return len(rows)


def _moving(wait: Wait) -> str:
    """One statement: which rows, under lock; their new dates; the record of both; whom to tell."""
    about = "".join(f", {column} AS {name}" for name, column in wait.about)
    names = "".join(f", m.{name}" for name, _ in wait.about)
    return f"""
    WITH m AS (
      SELECT t.{wait.key} AS id, t.{wait.date} AS old_date, {wait.tell or _NOBODY} AS agents,
        greatest(t.{wait.date} + p.lost, %(ended)s::timestamptz
          + least(make_interval(secs => %(least)s::float8), t.{wait.date} - {wait.since})) AS new_date{about}
      FROM {wait.table} t {wait.joins} CROSS JOIN LATERAL (
        SELECT sum(upper(piece) - greatest(lower(piece), {wait.since})) AS lost
        FROM unnest(%(pieces)s::tstzmultirange) piece WHERE upper(piece) > {wait.since} AND lower(piece) < t.{wait.date}
      ) p
      WHERE {wait.open} AND p.lost > '0' FOR NO KEY UPDATE OF t
    ), done AS (
      UPDATE {wait.table} t SET {wait.date} = m.new_date{_reminding(wait)} FROM m WHERE t.{wait.key} = m.id
    ), kept AS (
      INSERT INTO extended_dates (outage_id, wait, entity_id, old_date, new_date)
      SELECT %(outage)s::uuid, %(wait)s::text, id, old_date, new_date FROM m
    )
    SELECT m.old_date, m.new_date, m.agents{names} FROM m
    """  # noqa: S608 - names of our own


def _reminding(wait: Wait) -> str:
    """A reminder that was given is given again in the middle of what is left; one to come moves with its date."""
    if wait.remind is None:
        return ""
    given = f"t.{wait.reminded} IS NOT NULL" if wait.reminded else f"t.{wait.remind} IS NULL"
    again = "%(ended)s::timestamptz + (m.new_date - %(ended)s::timestamptz) / 2"
    moved = f"t.{wait.remind} + (m.new_date - m.old_date)"
    forget = f", {wait.reminded} = NULL" if wait.reminded else ""
    return f", {wait.remind} = CASE WHEN {given} THEN {again} ELSE {moved} END{forget}"


async def list_extensions(session: AsyncSession, entities: Sequence[UUID]) -> Sequence[RowMapping]:
    """By which outages these entities' dates were moved, for a named operator, oldest first."""
    rows = await session.execute(_EXTENSIONS, {"entities": list(entities)})
    return rows.mappings().all()


async def list_outages(session: AsyncSession, most: int) -> Sequence[RowMapping]:
    """The newest outages of any part: part, began_at, ended_at."""
    return (await session.execute(_OUTAGES, {"most": most})).mappings().all()
