"""The sweep, over the workflow types of all contexts."""

from dataclasses import replace
from typing import cast

from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.platform.specs import Due
from activities.platform.upkeep import PostgresUpkeepActivities
from config.settings import Settings
from config.specs import workflow_specs
from db.platform.database import Database
from db.platform.transactions import Transaction


async def test_a_sweep_looks_for_what_is_due_when_its_upkeep_is_committed(worker_database: Database) -> None:
    """Readers of the feeds stop at the oldest transaction that has written something: its id is its place."""
    places = []

    async def look(transaction: Transaction, _: int) -> list[Due]:
        places.extend(await transaction.run("SELECT pg_current_xact_id_if_assigned()::text"))
        return []

    specs = workflow_specs(Settings())
    # Nor of what other tests have left unanswered.
    specs.commands = frozenset()
    specs.all = tuple(replace(spec, list_due=look) for spec in specs.all)
    upkeep = PostgresUpkeepActivities(worker_database, cast("Client", None), specs)
    async with worker_database.transaction() as transaction:
        await transaction.run("INSERT INTO rate_limit_windows VALUES ('test/closed', 1, now() - interval '1 s')")
    assert (await ActivityEnvironment().run(upkeep.sweep)).tidied["rows_purged"] >= 1
    assert places == [(None,)] * len(specs.all)
