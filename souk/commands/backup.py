"""``souk backup`` and ``souk restore``: a market in a folder, and a market from it.

A backup is the database as of one moment and, of a data directory, its secrets. The engine's state is not in it: a
process keeps nothing that its row does not hold, so a restore starts each anew. It begins a new epoch of the feeds
(``db.platform.epochs``), so that places which callers got before, or after the backup, stay in order.
"""

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from config.settings import Settings
from db.platform.revisions import newest_revision
from souk.checks.doctor import Ailment
from souk.checks.mending import mend
from souk.checks.target import DatabaseTarget, database_target
from souk.commands.clear_errors import one_clear_line
from souk.commands.options import DEFAULT_DATA_DIR, DataDir
from souk.stack.data_dir import DataDirectory, write_private
from souk.stack.dumps import dump, load
from souk.stack.embedded import EmbeddedPostgres
from souk.stack.errors import StackError
from souk.stack.running import RunningStack, running_stack
from souk.stack.settings import check_database, load_settings
from souk.stack.signals import Signals
from souk.stack.supervisor import StackOptions, Supervisor

_DUMP, _NOTE, _SECRETS = "souk.dump", "backup.json", "secrets.json"
_HELD = ("postgres", "temporal.db", "temporal.db-wal", "temporal.db-shm", _SECRETS)

Folder = Annotated[Path, typer.Argument(help="The backup's folder.")]
Database = Annotated[
    str | None, typer.Option("--database", metavar="URL", help="This database, as its owner, and no data directory.")
]


def backup(folder: Folder, database: Database = None, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Write the market into a new folder, while it runs or not; with a data directory's secrets.

    All that was answered before is in it. With --database keep the secrets (`.env`) with it yourself.
    """
    os.umask(0o077)  # the folder can open everything
    with one_clear_line():
        if folder.exists():
            raise StackError(f"{folder} is there already: name a new folder")
        draft = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        with _source(database, data_dir) as url:
            dump(url, draft / _DUMP)
        secrets = data_dir / _SECRETS
        if database is None and secrets.exists():
            write_private(draft / _SECRETS, secrets.read_text())
        note = {"made_at": datetime.now(UTC).isoformat(), "revision": newest_revision()}  # noqa: TID251 - an operator's
        write_private(draft / _NOTE, json.dumps(note, indent=2) + "\n")
        draft.rename(folder)
        typer.echo(f"backed up to {folder}: it holds every secret and every term, so guard it")


@contextmanager
def _source(database: str | None, data_dir: Path) -> Iterator[str]:
    """The database to back up: the one named, that of the running stack, or that of a stack that is stopped."""
    if database is not None:
        check_database(database, "--database")
        yield database
        return
    stack = _running(data_dir)
    if stack is not None:
        yield stack.environment["SOUK_DATABASE_URL"]
        return
    if not (data_dir / "postgres").exists():
        raise StackError(f"there is no market in {data_dir}: name its folder with --data-dir, or a --database")
    with DataDirectory(data_dir) as data:
        data.reclaim()
        with EmbeddedPostgres(data.path) as postgres:
            yield postgres.url()


def _running(data_dir: Path) -> RunningStack | None:
    try:
        return running_stack(data_dir)
    except StackError:
        return None


def restore(
    folder: Folder,
    database: Database = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put what is there aside (or, in a database, drop it).")
    ] = False,
) -> None:
    """Make a market from a backup, start its processes anew and say how it is; exit 1 when something is wrong.

    In a data directory everything is run for it once, and then stopped. With --database start API and worker after it.
    """
    os.umask(0o077)
    with one_clear_line():
        _check(folder)
        left = (
            _into_database(folder, database, replace=replace) if database else _into(folder, data_dir, replace=replace)
        )
        if left is None:
            typer.echo("start API and worker, then run `souk audit --fix`: it starts every process")
            return
        for ailment in left:
            typer.echo(f"{ailment.kind} {ailment.process_id}: {ailment.what}\n    {ailment.command}")
        typer.echo(f"{len(left)} processes need a person" if left else "every process is well")
        if left:
            raise typer.Exit(1)


def _check(folder: Path) -> None:
    """Raises StackError for what is no backup, or one of a newer Souk."""
    try:
        note = json.loads((folder / _NOTE).read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise StackError(f"{folder} is no backup of Souk's") from error
    if note["revision"] > newest_revision():
        raise StackError(f"{folder} was made by a newer Souk (revision {note['revision']}): upgrade first")


def _into_database(folder: Path, url: str, *, replace: bool) -> list[Ailment] | None:
    """What ails it then; None when its Temporal is not known."""
    check_database(url, "--database")
    _tell_epoch(load(url, folder / _DUMP, replace=replace))
    settings = load_settings()
    if not settings.temporal_address:
        return None
    target = DatabaseTarget(Settings(database_url=url).role_url("owner"), settings)
    return _mend(target)


def _into(folder: Path, data_dir: Path, *, replace: bool) -> list[Ailment]:
    settings = load_settings()
    if settings.database_url:
        raise StackError("SOUK_DATABASE_URL is set: unset it, or name the database with --database")
    with DataDirectory(data_dir) as data, Signals() as signals:
        there = [data.path / name for name in _HELD if (data.path / name).exists()]
        aside = data.path / f"replaced-{datetime.now(UTC):%Y%m%d-%H%M%S}"  # noqa: TID251 - a folder's name
        if there:
            if not replace:
                raise StackError(f"{data_dir} holds a market: name a new --data-dir, or put it aside with --replace")
            data.reclaim()
            aside.mkdir()
            for path in there:
                path.rename(aside / path.name)
            typer.echo(f"what was there is in {aside}")
        if (folder / _SECRETS).exists():
            write_private(data.path / _SECRETS, (folder / _SECRETS).read_text())
        try:
            with EmbeddedPostgres(data.path) as postgres:
                _tell_epoch(load(postgres.url(), folder / _DUMP, replace=False))
        except BaseException:
            # Half of a market would be in the way of the next try.
            shutil.rmtree(data.path / "postgres", ignore_errors=True)
            (data.path / _SECRETS).unlink(missing_ok=True)
            if there:
                for path in there:
                    (aside / path.name).rename(path)
                aside.rmdir()
                typer.echo("what was there is back in its place")
            raise
        supervisor = Supervisor(data, StackOptions(0, 0, 0), settings, signals, typer.echo)
        try:
            supervisor.start()
            return _mend(database_target(None, data.path))
        finally:
            supervisor.stop()


def _mend(target: DatabaseTarget) -> list[Ailment]:
    mended = asyncio.run(mend(target, None, dry_run=False))
    typer.echo(f"{sum(ailment.safe for ailment in mended.found)} processes were started anew or woken")
    for trouble in sorted(set(mended.idle.values())):
        typer.echo(f"{trouble}: start a worker")
    return mended.left


def _tell_epoch(epoch: int) -> None:
    typer.echo(f"loaded; places in the feeds go on in epoch {epoch}")
