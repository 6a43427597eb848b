"""The sweep, over the workflow types of all contexts."""

from dataclasses import replace
from typing import cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.platform.specs import Due
from activities.platform.upkeep import PostgresUpkeepActivities
from config.settings import Settings
from config.specs import workflow_specs
from db.platform.database import Database


async def test_a_sweep_looks_for_what_is_due_when_its_upkeep_is_committed(worker_database: Database) -> None:
    """Readers of the feeds stop at the oldest transaction that has written something: its id is its place."""
    places = []

    async def look(session: AsyncSession, _: int) -> list[Due]:
        places.append(await session.scalar(text("SELECT pg_current_xact_id_if_assigned()::text")))
        return []

    specs = workflow_specs(Settings())
    specs.all = tuple(replace(spec, list_due=look) for spec in specs.all)
    upkeep = PostgresUpkeepActivities(worker_database, cast("Client", None), specs)
    async with worker_database.session() as session:
        await session.execute(text("INSERT INTO rate_limit_windows VALUES ('test/closed', 1, now() - interval '1 s')"))
    assert (await ActivityEnvironment().run(upkeep.sweep)).tidied["rows_purged"] >= 1
    assert places == [None] * len(specs.all)
