"""The rate limiter's counters, for the ``limits`` library: fixed windows in one unlogged table.

Counting and reading is one statement, so of any parallel burst exactly as many pass as the window has left.
It runs in a connection of its own that commits by itself, and waits for no disk: the statement says so for its own
transaction, as a pooler hands a session's settings to whoever comes next.
"""

from dataclasses import dataclass

from limits.aio.storage import Storage
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

# Rows are taken in the order of their keys, so two callers that share two of them never wait for each other.
_HIT = text(
    """
    INSERT INTO rate_limit_windows AS w (key, count, expires_at)
    SELECT key, :amount, clock_timestamp() + make_interval(secs => seconds)
    FROM unnest(CAST(:keys AS text[]), CAST(:seconds AS float[])) AS hit(key, seconds)
    CROSS JOIN set_config('synchronous_commit', 'off', true) ORDER BY key
    ON CONFLICT (key) DO UPDATE SET
      count = CASE WHEN w.expires_at <= clock_timestamp() THEN excluded.count ELSE w.count + excluded.count END,
      expires_at = CASE WHEN w.expires_at <= clock_timestamp() THEN excluded.expires_at ELSE w.expires_at END
    RETURNING key, count, extract(epoch FROM expires_at - clock_timestamp())::float
    """
)
_READ = text(
    "SELECT count, extract(epoch FROM expires_at)::float FROM rate_limit_windows"
    " WHERE key = :key AND expires_at > clock_timestamp()"
)


@dataclass(frozen=True, slots=True)
class Window:
    """A counter after a hit."""

    count: int
    seconds_left: float


class PostgresWindows(Storage):
    """A storage of the ``limits`` library on Postgres."""

    STORAGE_SCHEME = None

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(wrap_exceptions=True)
        self._engine = engine

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        return SQLAlchemyError

    async def hit(self, windows: dict[str, int], amount: int = 1) -> dict[str, Window]:
        """Count in several windows (key to length in seconds) at once."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(
                _HIT,
                {"keys": list(windows), "seconds": [float(s) for s in windows.values()], "amount": amount},
            )
            return {key: Window(count, max(0.0, seconds)) for key, count, seconds in rows}

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        return (await self.hit({key: expiry}, amount))[key].count

    async def get(self, key: str) -> int:
        row = await self._read(key)
        return row[0] if row else 0

    async def get_expiry(self, key: str) -> float:
        row = await self._read(key)
        return row[1] if row else 0.0

    async def _read(self, key: str) -> tuple[int, float] | None:
        async with self._engine.connect() as connection:
            row = (await connection.execute(_READ, {"key": key})).first()
            return (row[0], row[1]) if row else None

    async def check(self) -> bool:
        async with self._engine.connect() as connection:
            return bool(await connection.scalar(text("SELECT true")))

    async def reset(self) -> int | None:
        async with self._engine.connect() as connection:
            return (await connection.execute(text("DELETE FROM rate_limit_windows"))).rowcount

    async def clear(self, key: str) -> None:
        async with self._engine.connect() as connection:
            await connection.execute(text("DELETE FROM rate_limit_windows WHERE key = :key"), {"key": key})
