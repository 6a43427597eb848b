"""``souk doctor``, and what ``souk audit --fix`` does before it audits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy.exc import DBAPIError
from temporalio.client import Client

from db.session import Database
from db.webhooks.pending import FailingEndpoint
from domain.webhooks.processes import webhook_process
from souk.checks.doctor import Ailment, diagnose, list_failing_webhooks, repair
from souk.checks.target import DatabaseOption, DatabaseTarget, database_target
from souk.commands.clear_errors import one_clear_line
from souk.commands.options import DEFAULT_DATA_DIR, DataDir
from souk.stack.errors import StackError

FixOption = Annotated[
    bool, typer.Option("--fix", help="First wake every process that is overdue, gone or left over: always safe.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="With --fix: only name what would be repaired.")]
OnlyOption = Annotated[str | None, typer.Option("--only", metavar="PROCESS", help="With --fix: only this process.")]
_SETTLE_SECONDS = 30


@asynccontextmanager
async def _opened(target: DatabaseTarget) -> AsyncIterator[tuple[Database, Client]]:
    if not target.settings.temporal_address:
        raise StackError("processes cannot be looked at without Temporal: set SOUK_TEMPORAL_ADDRESS, SOUK_PAYLOAD_KEYS")
    client = await target.connect()
    database = Database(target.url, 2, "souk-doctor")
    try:
        yield database, client
    except DBAPIError as error:
        raise StackError(f"the database cannot be read: {error.orig}") from error
    finally:
        await database.close()


async def find_ailments(target: DatabaseTarget) -> tuple[list[Ailment], list[FailingEndpoint]]:
    """What ails processes, and which webhooks take nothing.

    Raises StackError when the database or Temporal is away.
    """
    async with _opened(target) as (database, client):
        return await diagnose(database, client, target.specs), await list_failing_webhooks(database)


def _describe_failing(found: FailingEndpoint) -> str:
    """States and dates; an address or what a receiver says is its owner's business."""
    answer = f"last status {found.last_status}" if found.last_status else "no answer"
    since = f"since {found.failing_since:%Y-%m-%d %H:%M} UTC" if found.failing_since else ""
    if found.status == "PAUSED":
        return f"paused ({found.pause_reason}), nothing delivered {since}, {answer}: its owner was told"
    following = f", next try {found.next_attempt_at:%Y-%m-%d %H:%M} UTC" if found.next_attempt_at else ""
    return f"nothing delivered {since}, {answer}{following}"


async def mend(target: DatabaseTarget, only: str | None, *, dry_run: bool) -> tuple[list[Ailment], list[Ailment]]:
    """What was (or would be) repaired, and what is left some seconds later."""
    async with _opened(target) as (database, client):
        specs = target.specs

        async def look() -> list[Ailment]:
            ailments = await diagnose(database, client, specs)
            return [ailment for ailment in ailments if only in {None, ailment.process_id}]

        found = await look()
        if dry_run:
            return found, found
        await repair(database, client, specs, found)
        left = found
        for _ in range(_SETTLE_SECONDS):
            left = await look()
            if not any(ailment.safe for ailment in left):
                break
            await asyncio.sleep(1)
        return found, left


def fix(target: DatabaseTarget, only: str | None, *, dry_run: bool) -> None:
    """Repair and say so; exits with 1 when a repair did not take."""
    found, left = asyncio.run(mend(target, only, dry_run=dry_run))
    console = Console(highlight=False, soft_wrap=True)
    word = "would wake" if dry_run else "woke"
    for ailment in found:
        console.print(f"{word if ailment.safe else 'left alone'}: {ailment.process_id} ({ailment.what})")
    safe = sum(ailment.safe for ailment in found)
    console.print(f"{safe} processes {'to repair' if dry_run else 'repaired'}, {len(found) - safe} need a person")
    if not dry_run and left:
        for ailment in left:
            console.print(f"still {ailment.kind}: {ailment.process_id}: {ailment.command}", style="red")
        raise typer.Exit(1)


def doctor(database: DatabaseOption = None, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """List stuck, overdue and orphaned processes with the command that resolves each; exit 1 when there are any."""
    with one_clear_line():
        ailments, failing = asyncio.run(find_ailments(database_target(database, data_dir)))
    console = Console(highlight=False, soft_wrap=True)
    for ailment in ailments:
        console.print(f"[bold]{ailment.kind}[/bold] {ailment.process_id}: {ailment.what}")
        console.print(f"    {ailment.command}", style="cyan")
    for endpoint in failing:
        console.print(f"[bold]failing[/bold] {webhook_process(endpoint.webhook_id)}: {_describe_failing(endpoint)}")
    if ailments:
        raise typer.Exit(1)
    console.print("Every process is well: none stuck, overdue or orphaned.")
