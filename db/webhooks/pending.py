"""Which endpoints have something to deliver.

After each commit of events one look finds the endpoints concerned by what is new, so its cost follows the news
and not the number of endpoints. The sweep looks at every active endpoint's cursor instead, by index, and finds
whatever was missed. Both stop at the oldest running transaction, as every reader does: what commits behind it
is found at a later look, never skipped.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from db.platform.transactions import Transaction

_HORIZON = "souk_horizon()"

_BOUNDS = f"""
    SELECT horizon, EXISTS (SELECT 1 FROM inbox_events WHERE txid >= horizon)
                 OR EXISTS (SELECT 1 FROM activity_events WHERE txid >= horizon)
    FROM (SELECT {_HORIZON} AS horizon) bounds
    """  # noqa: S608 - no value in it
# Those that wait for their next try have a timer of their own.
_DUE = "e.status = 'ACTIVE' AND (e.next_attempt_at IS NULL OR e.next_attempt_at <= clock_timestamp())"
_CONCERNED = f"""
    SELECT e.webhook_id FROM webhook_endpoints e
      JOIN (SELECT DISTINCT agent_id, type FROM inbox_events
            WHERE txid >= %(since)s::bigint AND txid < %(horizon)s::bigint) n
        ON n.agent_id = e.agent_id AND (e.types = '{{}}' OR n.type = ANY (e.types))
      WHERE e.source = 'INBOX' AND {_DUE}
    UNION
    SELECT e.webhook_id
      FROM (SELECT DISTINCT type::text AS type, store_id, listing_id FROM activity_events
            WHERE txid >= %(since)s::bigint AND txid < %(horizon)s::bigint) n
      JOIN webhook_endpoints e ON (e.store_id IS NULL OR e.store_id = n.store_id)
        AND (e.listing_id IS NULL OR e.listing_id = n.listing_id) AND (e.types = '{{}}' OR n.type = ANY (e.types))
      WHERE e.source = 'ACTIVITY' AND {_DUE}
    """  # noqa: S608 - no value in it
# One branch per index: an endpoint that finds nothing must not read the log to its end.
_LATER = f"(a.txid, a.seq) > (e.cursor_txid, e.cursor_seq) AND a.txid >= e.cursor_txid AND a.txid < {_HORIZON}"
_OF_TYPES = "a.type = ANY (e.types::activity_type[])"
_BEHIND = f"""
    CASE WHEN e.source = 'INBOX' THEN EXISTS (
        SELECT 1 FROM inbox_events a WHERE a.agent_id = e.agent_id AND {_LATER}
          AND (e.types = '{{}}' OR a.type = ANY (e.types)))
      WHEN e.listing_id IS NOT NULL THEN EXISTS (
        SELECT 1 FROM activity_events a WHERE a.listing_id = e.listing_id AND {_LATER}
          AND (e.store_id IS NULL OR a.store_id = e.store_id) AND (e.types = '{{}}' OR {_OF_TYPES}))
      WHEN e.store_id IS NOT NULL THEN EXISTS (
        SELECT 1 FROM activity_events a WHERE a.store_id = e.store_id AND {_LATER}
          AND (e.types = '{{}}' OR {_OF_TYPES}))
      WHEN e.types <> '{{}}' THEN EXISTS (SELECT 1 FROM activity_events a WHERE {_OF_TYPES} AND {_LATER})
      ELSE EXISTS (SELECT 1 FROM activity_events a WHERE {_LATER}) END
"""  # noqa: S608 - no value in it
_TESTED = "(e.test_requested_at IS NOT NULL AND e.test_sent_at IS NULL)"
_OWED = f"(e.status = 'ACTIVE' AND {_BEHIND}) OR {_TESTED}"
_WAITING = (
    f"SELECT e.webhook_id FROM webhook_endpoints e WHERE ({_DUE} AND {_BEHIND}) OR {_TESTED} "  # noqa: S608
    "ORDER BY e.last_attempt_at NULLS FIRST LIMIT %(most)s"
)
# Every transaction below the horizon was looked at, so the place after its last possible event loses none.
_MOVE_IDLE = f"""
    WITH moved AS (UPDATE webhook_endpoints e SET cursor_txid = {_HORIZON} - 1, cursor_seq = 9223372036854775807
    WHERE e.status = 'ACTIVE' AND e.next_attempt_at IS NULL AND e.cursor_txid < {_HORIZON} - %(lag)s::bigint
      AND NOT ({_BEHIND})
    RETURNING 1) SELECT count(*) FROM moved
    """  # noqa: S608 - no value in it

_FAILING = (
    "SELECT webhook_id, status, pause_reason, failed_tries, failing_since, next_attempt_at, last_status, last_error "
    "FROM webhook_endpoints WHERE failing_since IS NOT NULL ORDER BY failing_since LIMIT %(most)s"
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """``horizon``: every transaction below it is over. ``unsettled``: events wait behind it."""

    horizon: int
    unsettled: bool


@dataclass(frozen=True, slots=True)
class FailingEndpoint:
    """What operators may know of an endpoint that takes nothing."""

    webhook_id: UUID
    status: str
    pause_reason: str | None
    failed_tries: int
    failing_since: datetime | None
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None


async def read_bounds(transaction: Transaction) -> Bounds:
    [row] = await transaction.run(_BOUNDS, ())
    return Bounds(*row)


async def list_concerned(transaction: Transaction, since: int, horizon: int) -> list[UUID]:
    """Active endpoints that want an event of the transactions from ``since`` up to ``horizon``."""
    return await _ids(transaction, _CONCERNED, since=since, horizon=horizon)


async def list_waiting(transaction: Transaction, most: int) -> list[UUID]:
    """Endpoints with something to deliver now, whatever their processes believe; the longest unserved first."""
    return await _ids(transaction, _WAITING, most=most)


async def move_idle_cursors(transaction: Transaction, lag: int = 1000) -> int:
    """Bring endpoints that want none of the last ``lag`` transactions' events up to date.

    Without it each sweep would read again, for each of them, all that went by since its last delivery. A try that is
    under way meanwhile is not recorded and made again, with the same id. Returns how many moved.
    """
    [(moved,)] = await transaction.run(_MOVE_IDLE, {"lag": lag})
    return int(moved)


async def list_expected(transaction: Transaction) -> tuple[list[UUID], list[UUID]]:
    """The endpoints whose workflow must run, and those whose may: every endpoint may have one.

    One that waits for its next try must run as well: nothing else would remember the date.
    """
    must = await _ids(transaction, f"SELECT e.webhook_id FROM webhook_endpoints e WHERE {_OWED}")  # noqa: S608
    return must, await _ids(transaction, "SELECT webhook_id FROM webhook_endpoints")


async def list_failing(transaction: Transaction, most: int) -> list[FailingEndpoint]:
    """Endpoints whose last try failed, or that were paused for it; those that fail longest first."""
    return [FailingEndpoint(*row) for row in await transaction.run(_FAILING, {"most": most})]


async def _ids(transaction: Transaction, query: str, **values: int) -> list[UUID]:
    return [key for (key,) in await transaction.run(query, values)]
