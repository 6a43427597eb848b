"""Rows locked and rows written, read from Postgres' own log of changes by its extension ``pg_walinspect``.

However a statement is written, a CTE that changes five tables or a join that locks three, each row it locks or
changes is a record there. So are the locks that foreign keys take. Unlogged tables (the rate limits) are not in it.
"""

from types import TracebackType
from typing import Self

import psycopg

_COUNT = """
    SELECT count(*) FILTER (WHERE w.record_type = 'LOCK'), count(*) FILTER (WHERE w.record_type <> 'LOCK')
    FROM pg_get_wal_block_info(%s, %s, show_data => false) AS w
    JOIN pg_class AS c ON c.relfilenode = w.relfilenode AND c.relkind = 'r'
    WHERE c.relnamespace = 'public'::regnamespace
      AND w.reldatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND w.resource_manager = 'Heap' AND w.block_id = 0
      AND split_part(w.record_type, '+', 1) IN ('LOCK', 'INSERT', 'UPDATE', 'HOT_UPDATE', 'DELETE')
"""


class RowChanges:
    """Counts from one call of ``take`` to the next. A context manager; ``url`` is the superuser's."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> Self:
        self._connection = psycopg.connect(self._url.replace("postgresql+psycopg", "postgresql", 1), autocommit=True)
        self._connection.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
        self._connection.execute("SET synchronous_commit = on")
        self._since = self._now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def take(self) -> tuple[int, int]:
        """Rows locked and rows written since the last call."""
        since, self._since = self._since, self._now()
        found = self._connection.execute(_COUNT, (since, self._since)).fetchone()
        assert found is not None
        return found[0], found[1]

    def _now(self) -> str:
        # A commit that waits for the disk, so that all before it, which may not have waited, can be read.
        self._connection.execute("SELECT pg_logical_emit_message(true, 'souk', '')")
        found = self._connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
        assert found is not None
        return str(found[0])
