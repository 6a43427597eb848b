"""The epoch of places in the feeds (``db.platform.commit_order``), and whether it must be raised.

Places are ordered by epoch first. Whatever puts older data on a cluster, or the same data on another one, raises it:
then every place written from there on is above every place that was ever given out, also those of events that the
older data lack. So readers go on where they were, and pass nothing by.
"""

from typing import Any

import psycopg
from psycopg import sql

EPOCH_BITS = 44
"""A transaction id's share of a place: centuries at a thousand transactions a second."""

_BASE = "SELECT souk_epoch_base()"
_NEWEST = "greatest((SELECT max(txid) FROM activity_events), (SELECT max(txid) FROM inbox_events))"
IS_BEHIND = f"SELECT coalesce({_NEWEST} >= souk_beyond(), false)"
"""Whether the cluster's transaction ids lie below those stored: then the feeds hide what there is."""


def get_epoch(connection: psycopg.Connection[Any]) -> int:
    """The epoch of what is written now."""
    return int(_value(connection, _BASE)) >> EPOCH_BITS


def is_behind(connection: psycopg.Connection[Any]) -> bool:
    """Whether the database was moved to a cluster that counts from lower on: see ``IS_BEHIND``."""
    return bool(_value(connection, IS_BEHIND))


def raise_epoch(connection: psycopg.Connection[Any]) -> int:
    """Begin the next epoch, as the tables' owner. Waits for those who write now. Returns its number."""
    with connection.transaction():
        connection.execute("LOCK TABLE activity_events, inbox_events IN SHARE ROW EXCLUSIVE MODE")
        newest = max(int(_value(connection, f"SELECT coalesce({_NEWEST}, 0)")), int(_value(connection, _BASE)))
        epoch = (newest >> EPOCH_BITS) + 1
        connection.execute(
            sql.SQL(
                "CREATE OR REPLACE FUNCTION souk_epoch_base() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE "
                "RETURN {}::bigint"
            ).format(sql.Literal(epoch << EPOCH_BITS))
        )
    return epoch


def _value(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]
