"""Reading one agent's private events in commit order.

Under the API's role row-level security shows an agent its own rows only; under the worker's it shows all. So every
query here names its agent besides.
"""

from dataclasses import dataclass
from functools import cache
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Uuid, any_, bindparam, cast, func, select

from db.platform.commit_order import HORIZON, START, Position, page, position_of, values
from db.platform.event_tables import InboxEvent
from db.platform.statements import Query, among
from db.platform.transactions import Transaction
from domain.platform.events import PrivateEvent


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """Which events a reader wants; no types are all of them."""

    types: frozenset[PrivateEvent] = frozenset()


_AGENT = bindparam("agent_id", type_=Uuid())


@cache
def _events(*, types: bool, placed: bool, newest_first: bool) -> Query[InboxEvent]:
    """Compiled once for each combination of what is given."""
    wanted = [InboxEvent.c.agent_id == _AGENT, *([among(InboxEvent.c.type, "types")] if types else [])]
    return Query(page(InboxEvent, wanted, placed=placed, newest_first=newest_first), InboxEvent)


async def _list(
    transaction: Transaction,
    agent_id: UUID,
    place: Position | None,
    limit: int,
    wanted: InboxFilter,
    *,
    newest_first: bool,
) -> list[InboxEvent]:
    given = {"types": sorted(wanted.types)} if wanted.types else {}
    query = _events(types=bool(given), placed=place is not None, newest_first=newest_first)
    return await transaction.rows(query, agent_id=agent_id, **given, **values(place, limit))


async def list_inbox_after(
    transaction: Transaction, agent_id: UUID, place: Position, limit: int, wanted: InboxFilter
) -> list[InboxEvent]:
    """An agent's events after a place, oldest first."""
    return await _list(transaction, agent_id, place, limit, wanted, newest_first=False)


async def list_inbox_before(
    transaction: Transaction, agent_id: UUID, place: Position | None, limit: int, wanted: InboxFilter
) -> list[InboxEvent]:
    """An agent's events before a place (or the newest there are), newest first."""
    return await _list(transaction, agent_id, place, limit, wanted, newest_first=True)


async def newest_inbox_position(transaction: Transaction, agent_id: UUID) -> Position:
    """The place of an agent's last settled event, from which "now" is read on."""
    newest = await list_inbox_before(transaction, agent_id, None, 1, InboxFilter())
    return position_of(newest[0]) if newest else START


@dataclass(frozen=True, slots=True)
class Stir:
    """Who got something. ``upto``: every transaction below it is counted; ``unsettled``: more is committed."""

    agents: frozenset[UUID]
    upto: int
    unsettled: bool


# Cast, so that the list is read once and not for every row.
_WATCHERS = cast(select(func.souk_watchers()).scalar_subquery(), ARRAY(Uuid))
_STIR = Query(
    select(
        HORIZON.label("upto"),
        func.array_agg(InboxEvent.c.agent_id.distinct()).filter(InboxEvent.c.txid < HORIZON).label("agents"),
        func.coalesce(func.bool_or(InboxEvent.c.txid >= HORIZON), False).label("unsettled"),
    ).where(InboxEvent.c.agent_id == any_(_WATCHERS), InboxEvent.c.txid >= bindparam("since", type_=BigInteger))
)
_HORIZON = Query(select(HORIZON), int)


async def find_stir(transaction: Transaction, since: int) -> Stir:
    """Which of the transaction's watchers got an event by a settled transaction from ``since`` on, and no content."""
    found = await transaction.one(_STIR, since=since)
    return Stir(frozenset(found.agents or ()), found.upto, found.unsettled)


async def get_horizon(transaction: Transaction) -> int:
    """The oldest transaction still running: all below it are settled."""
    return await transaction.one(_HORIZON)
