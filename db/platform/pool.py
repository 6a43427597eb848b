"""Connections of one role, kept open from one use to the next.

The connection that was used last is used first: its statements are prepared and planned. In turns, each would be cold
for long. Where Postgres is away whoever asks hears of it at once, and the next one tries again. (psycopg's own pool
hands connections out in turns and lets everybody wait while it reconnects.)
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

_PATIENCE_SECONDS = 10.0
"""How long one waits for a connection while all are in use."""
PING_AFTER_SECONDS = 1.0


class Trouble:
    """When a connection of this process was last lost or refused, whatever it belonged to."""

    at = float("-inf")


class ConnectionLostError(psycopg.OperationalError):
    """The connection ended while it was in use. Whether a commit that was under way was done is not known."""


class Pool:
    """At most ``size`` connections, each opened by ``connect`` when none is free."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], size: int) -> None:
        self._connect = connect
        self._places = asyncio.Semaphore(size)
        self._idle: list[tuple[Connection, float]] = []
        self.size = size
        self.in_use = 0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for the block; what it leaves uncommitted is rolled back.

        Raises psycopg.OperationalError: no connection is to be had, or the one in use was lost (ConnectionLostError).
        """
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise psycopg.OperationalError("every connection stayed in use") from None
        self.in_use += 1
        connection = None
        try:
            connection = await self._take()
            yield connection
        except psycopg.Error as error:
            if connection is not None and connection.closed:
                raise ConnectionLostError(str(error)) from error
            raise
        finally:
            if connection is None or connection.closed or _is_idle(connection):
                self._give_back(connection)
            else:
                await asyncio.shield(self._undo(connection))

    async def _take(self) -> Connection:
        while self._idle:
            connection, since = self._idle.pop()
            if since > Trouble.at and time.monotonic() - since < PING_AFTER_SECONDS:
                return connection
            if await _answers(connection):
                return connection
        try:
            return await self._connect()
        except psycopg.Error:
            Trouble.at = time.monotonic()
            raise

    async def _undo(self, connection: Connection) -> None:
        """Roll back what is open, or give the connection up."""
        try:
            await connection.rollback()
        except psycopg.Error:
            await connection.close()
        finally:
            self._give_back(connection)

    def _give_back(self, connection: Connection | None) -> None:
        self.in_use -= 1
        self._places.release()
        if connection is None:
            return
        if connection.closed:
            Trouble.at = time.monotonic()
        else:
            self._idle.append((connection, time.monotonic()))

    async def close(self) -> None:
        """Close what is idle, when nothing is in use any more."""
        while self._idle:
            await self._idle.pop()[0].close()


def _is_idle(connection: Connection) -> bool:
    return connection.info.transaction_status is TransactionStatus.IDLE


async def _answers(connection: Connection) -> bool:
    """Whether a connection that lay idle still lives. It is closed if it does not."""
    try:
        await connection.execute("")
    except psycopg.Error:
        Trouble.at = time.monotonic()
        await connection.close()
    except BaseException:
        await connection.close()
        raise
    return not connection.closed
