"""The lease of a request ends with the process that holds it, however that ends."""

import asyncio
import signal
import sys
from pathlib import Path

import psycopg

from config.settings import Settings
from db.platform import idempotency
from db.platform.database import Database
from db.platform.ids import new_id
from db.platform.presence import Presence

_HOLDER = """
import asyncio, sys
from db.platform.presence import Presence
from db.platform.database import Database

async def main():
    async with Presence(Database(sys.argv[1], 1, "test-holder"), "test-holder").running() as presence:
        while presence.holder is None:
            await asyncio.sleep(0.01)
        print(presence.holder, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
_ROOT = Path(__file__).parents[3]


async def held(presence: Presence) -> int:
    while True:
        if presence.holder is not None:
            return presence.holder
        await asyncio.sleep(0.01)


async def claim(database: Database, scope, holder: int | None):
    async with database.transaction(viewer=scope) as transaction:
        return await idempotency.claim(transaction, scope, b"key", b"request", 3_600, holder)


async def claimed(database: Database, scope, holder: int | None):
    """The claim, as soon as the earlier holder is known to be dead: Postgres needs a moment to see it."""
    while True:
        found = await claim(database, scope, holder)
        if not isinstance(found, idempotency.InFlight):
            return found
        await asyncio.sleep(0.05)


async def test_a_killed_holder_is_known_to_be_dead(api_database: Database, owner_url: str):
    url = Settings(database_url=owner_url).role_url("api")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _HOLDER, url, stdout=asyncio.subprocess.PIPE, cwd=_ROOT
    )
    assert process.stdout is not None
    holder, scope = int(await process.stdout.readline()), new_id()
    try:
        first = await claim(api_database, scope, holder)
        assert isinstance(first, idempotency.Claim)
        assert isinstance(await claim(api_database, scope, None), idempotency.InFlight)
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    # Its lease would last an hour.
    assert await claimed(api_database, scope, None) == idempotency.Claim(first.command_id, resumed=True)


async def test_who_takes_over_is_the_next_holder(api_database: Database):
    scope = new_id()
    async with Presence(api_database, "test-first").running() as first:
        begun = await claim(api_database, scope, await held(first))
        assert isinstance(begun, idempotency.Claim)
    async with Presence(api_database, "test-second").running() as second:
        holder = await held(second)
        assert await claimed(api_database, scope, holder) == idempotency.Claim(begun.command_id, resumed=True)
        assert isinstance(await claim(api_database, scope, None), idempotency.InFlight)


async def test_a_lost_session_is_opened_again(api_database: Database, owner_url: str):
    async with Presence(api_database, "test-lost").running() as presence:
        holder = await held(presence)
        async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
            ended = await owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test-lost'"
            )
            assert ended.rowcount == 1
        while True:
            if presence.holder is None:
                break
            await asyncio.sleep(0.01)
        assert await held(presence) == holder
