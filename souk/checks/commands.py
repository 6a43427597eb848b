"""``souk audit``, ``souk trust verify`` and ``souk operator create-key``."""

import asyncio
from typing import Annotated
from uuid import UUID

import psycopg
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from souk.checks.audit import audit_api, audit_database
from souk.checks.mending import DryRunOption, FixOption, OnlyOption, fix
from souk.checks.operators import make_operator_key
from souk.checks.target import ApiOption, DatabaseOption, KeyOption, database_target
from souk.checks.trust import Verified, verify_api, verify_database
from souk.commands.clear_errors import one_clear_line
from souk.commands.options import DEFAULT_DATA_DIR, DataDir
from souk.stack.errors import StackError

trust_app = typer.Typer(no_args_is_help=True, help="Trust scores, recomputed from their events.")
operator_app = typer.Typer(no_args_is_help=True, help="Operators' keys.")


def audit(
    api: ApiOption = None,
    database: DatabaseOption = None,
    operator_key: KeyOption = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    mend: FixOption = False,
    dry_run: DryRunOption = False,
    only: OnlyOption = None,
) -> None:
    """Check the market's invariants; exit 1 on a breach. With --fix, repair what is safe to repair first."""
    with one_clear_line():
        if (dry_run or only) and not mend:
            raise StackError("--dry-run and --only go with --fix")
        if mend:
            if api:
                raise StackError("--fix works on the database and Temporal: leave --api out")
            fix(database_target(database, data_dir), only, dry_run=dry_run)
        if api:
            findings = asyncio.run(audit_api(api, operator_key))
        else:
            target = database_target(database, data_dir)
            try:
                findings = asyncio.run(audit_database(target))
            except psycopg.Error as error:
                raise StackError(f"the database cannot be audited: {error}") from error
    table = Table(title="Invariants", show_lines=False)
    table.add_column("#", justify="right")
    table.add_column("invariant")
    table.add_column("breaches", justify="right")
    for found in findings:
        count = str(found.breaches) if found.checked else "not checked"
        table.add_row(str(found.invariant), found.name, count, style="red" if found.breaches else None)
    console = Console()
    console.print(table)
    for found in findings:
        for example in found.examples:
            console.print(f"  {found.invariant}: {example}", highlight=False)
    if any(found.breaches for found in findings):
        raise typer.Exit(1)


async def _verify(api: str | None, url: str, store: UUID | None, progress: Progress) -> list[Verified]:
    task = progress.add_task("verifying", total=None)
    verdicts: list[Verified] = []
    async for verdict in verify_api(api, store) if api else verify_database(url, store):
        verdicts.append(verdict)
        progress.update(task, description=f"{len(verdicts)} stores, {sum(v.events for v in verdicts)} events")
    return verdicts


@trust_app.command("verify")
def trust_verify(
    api: ApiOption = None,
    database: DatabaseOption = None,
    store: Annotated[UUID | None, typer.Option("--store", help="Only this store.")] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Recompute every store's trust from its events and compare; exit 1 on a difference.

    With --api it reads only what everyone may read.
    """
    with (
        one_clear_line(),
        Progress(SpinnerColumn(), TextColumn("{task.description}"), console=Console(stderr=True)) as progress,
    ):
        url = "" if api else database_target(database, data_dir).url
        try:
            verdicts = asyncio.run(_verify(api, url, store, progress))
        except psycopg.Error as error:
            raise StackError(f"the database cannot be read: {error}") from error
    bad = [verdict for verdict in verdicts if verdict.breaches]
    for verdict in bad:
        for breach in verdict.breaches:
            typer.echo(f"store {verdict.store_id}: {breach}")
    events = sum(verdict.events for verdict in verdicts)
    typer.echo(f"{len(verdicts)} stores, {events} trust events recomputed, {len(bad)} differ")
    if bad:
        raise typer.Exit(1)


@operator_app.command("create-key")
def create_key(
    label: Annotated[str, typer.Argument(help="Whose key it is.")],
    database: DatabaseOption = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Make an operator's key and print it, once: only its hash is stored."""
    with one_clear_line():
        typer.echo(asyncio.run(make_operator_key(database_target(database, data_dir).url, label)))
