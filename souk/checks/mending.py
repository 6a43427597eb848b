"""``souk doctor``, and what ``souk audit --fix`` does before it audits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import psycopg
import typer
from rich.console import Console
from temporalio.client import Client

from activities.platform.serving import HELP, QueueState, trouble_of
from activities.platform.specs import Concern, WorkflowSpecs
from db.platform.database import Database
from domain.platform.attention import UNSERVED, verdict
from souk.checks.doctor import Ailment, diagnose, find_queues, list_concerns, repair
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
    except psycopg.Error as error:
        raise StackError(f"the database cannot be read: {error}") from error
    finally:
        await database.close()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Which queues are not served, what ails processes, and what waits for somebody."""

    queues: list[QueueState]
    ailments: list[Ailment]
    concerns: list[Concern]

    @property
    def found(self) -> list[str]:
        """What each thing that was found is, for the verdict."""
        return [
            *(UNSERVED for queue in self.queues if not queue.served),
            *(ailment.kind for ailment in self.ailments),
            *(concern.why for concern in self.concerns),
        ]


async def find_ailments(target: DatabaseTarget) -> Diagnosis:
    """Raises StackError when the database or Temporal is away."""
    async with _opened(target) as (database, client):
        return Diagnosis(
            await find_queues(database, client, target.specs),
            await diagnose(database, client, target.specs),
            await list_concerns(database, target.specs),
        )


@dataclass(frozen=True, slots=True)
class Mended:
    """What was (or would be) repaired, what is left some seconds later, and why a process that was told does nothing.

    ``idle`` has the ids of processes whose queue nobody serves, with the reason.
    """

    found: list[Ailment]
    left: list[Ailment]
    idle: dict[str, str]


async def mend(target: DatabaseTarget, only: str | None, *, dry_run: bool) -> Mended:
    """Wake what may be woken. Raises StackError when the database or Temporal is away."""
    async with _opened(target) as (database, client):
        specs = target.specs

        async def look() -> list[Ailment]:
            ailments = await diagnose(database, client, specs)
            return [ailment for ailment in ailments if only in {None, ailment.process_id}]

        found = await look()
        if dry_run:
            return Mended(found, found, await _find_idle(database, client, specs, found))
        await repair(database, client, specs, found)
        left, idle = found, await _find_idle(database, client, specs, found)
        for _ in range(_SETTLE_SECONDS):
            left, idle = await look(), await _find_idle(database, client, specs, found)
            if not idle and not any(ailment.safe for ailment in left):
                break
            await asyncio.sleep(1)
        return Mended(found, left, idle)


async def _find_idle(database: Database, client: Client, specs: WorkflowSpecs, found: list[Ailment]) -> dict[str, str]:
    """Processes that cannot do what they are told: nobody serves their queue."""
    queues = await find_queues(database, client, specs) if found else []
    troubles = {ailment.process_id: trouble_of(queues, specs.find(ailment.process_id)[0]) for ailment in found}
    return {process_id: trouble for process_id, trouble in troubles.items() if trouble is not None}


def fix(target: DatabaseTarget, only: str | None, *, dry_run: bool) -> None:
    """Repair and say so; exits with 1 when a repair did not take, or when nobody serves the queue of one."""
    mended = asyncio.run(mend(target, only, dry_run=dry_run))
    console = Console(highlight=False, soft_wrap=True)
    word = "would wake" if dry_run else "woke"
    for ailment in mended.found:
        console.print(f"{word if ailment.safe else 'left alone'}: {ailment.process_id} ({ailment.what})")
    safe = sum(ailment.safe for ailment in mended.found)
    idle = sum(ailment.safe and ailment.process_id in mended.idle for ailment in mended.found)
    told = f", {idle} told, but nobody serves the queue" if idle and not dry_run else ""
    done = f"{safe if dry_run else safe - idle} processes {'to repair' if dry_run else 'repaired'}"
    console.print(f"{done}{told}, {len(mended.found) - safe} need a person")
    for trouble in sorted(set(mended.idle.values())):
        console.print(f"{trouble}. {HELP}", style="red")
    if dry_run:
        return
    for ailment in mended.left:
        console.print(f"still {ailment.kind}: {ailment.process_id}: {ailment.command}", style="red")
    if mended.left or mended.idle:
        raise typer.Exit(1)


def doctor(database: DatabaseOption = None, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """List what needs attention (queues, processes, what waits for somebody), what resolves it; exit 1 if any."""
    with one_clear_line():
        target = database_target(database, data_dir)
        diagnosis = asyncio.run(find_ailments(target))
        moved = target.is_moved()
    console = Console(highlight=False, soft_wrap=True)

    def tell(kind: str, what: str, resolved_by: str) -> None:
        console.print(f"[bold]{kind}[/bold] {what}")
        console.print(f"    {resolved_by}", style="cyan")

    if moved:
        what = "the data came from another cluster, whose transactions count higher"
        tell("hidden events", what, "stop Souk, run `souk migrate` (`souk up` does) and start it again")
    for queue in diagnosis.queues:
        if queue.trouble is not None:
            tell(UNSERVED, f"{queue.trouble}; {queue.waiting} tasks wait in it", HELP)
    for ailment in diagnosis.ailments:
        tell(ailment.kind, f"{ailment.process_id}: {ailment.what}", ailment.command)
    for concern in diagnosis.concerns:
        tell(concern.why, f"{concern.workflow_id}: {concern.what}", concern.help)
    console.print(verdict(diagnosis.found))
    if moved or diagnosis.found:
        raise typer.Exit(1)
