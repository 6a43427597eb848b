"""A connection for single statements that commit by themselves, where a pool would cost half as much as they do."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from db.platform.database import Trouble, connect_settings
from db.platform.transactions import Asks, ask, translated


class Line(Asks):
    """One connection of a role: opened at its first use, and anew when it was lost.

    Whoever asks at the same time waits in turn, so nothing may be asked that waits for long. What was under way when
    the connection was lost is asked once more, and may then have been done twice. ``prepare`` False sends no named
    prepared statements, as a pooler wants it.
    """

    def __init__(self, url: str, application_name: str, *, prepare: bool = True) -> None:
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._settings = connect_settings(application_name, prepare=prepare)
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._opening = asyncio.Lock()

    async def run(self, text: str, values: dict[str, Any] | Sequence[Any]) -> list[tuple[Any, ...]]:
        with translated():
            connection = await self._open()
            try:
                return await ask(connection, text, values)
            except psycopg.OperationalError:
                if not connection.closed:
                    raise
            return await ask(await self._open(), text, values)

    async def _open(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        async with self._opening:
            if self._connection is None or self._connection.closed:
                if self._connection is not None:
                    # As after a restart of Postgres, which the pools have not met yet.
                    Trouble.at = time.monotonic()
                self._connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, **self._settings)
            return self._connection

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
