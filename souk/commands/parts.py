"""The parts by themselves, against any Postgres and Temporal: for containers, several machines, debugging."""

import importlib
import json
import secrets
import socket
from typing import Annotated, Any, Literal

import typer
from pydantic import SecretStr

from config.contexts import CONTEXTS
from config.settings import Settings
from souk.commands.clear_errors import one_clear_line
from souk.commands.options import Wait
from souk.stack.descriptors import lift_descriptors
from souk.stack.errors import StackError
from souk.stack.gate import wait_at
from souk.stack.ports import listen
from souk.stack.settings import check_database, check_temporal, load_settings, require

_NEEDED = {
    "database_url": "postgresql://souk@localhost/souk",
    "temporal_address": "localhost:7233",
    "payload_keys": "k1:<base64 of 32 random bytes>",
    "credential_secret": "a long random text",
}


_Gate = Annotated[int, typer.Option("--gate", hidden=True, help="A pipe: go on when its other end is closed.")]


def _come_in(module: str, gate: int, wait: float, role: Literal["api", "worker"]) -> Any:
    """Import a part's code while others still start, then wait at the gate and for what the part needs.

    By name, because the layers forbid the command line to know the code of API and worker.
    """
    settings = load_settings()
    require(settings, _NEEDED)
    code = importlib.import_module(module)
    if gate >= 0:
        wait_at(gate)
    check_database(settings.role_url(role), patience=wait)
    check_temporal(settings.temporal_address, settings.temporal_namespace, patience=wait)
    return code


def api(
    wait: Wait = 0,
    gate: _Gate = -1,
    fd: Annotated[int, typer.Option(hidden=True, help="A listening socket that was passed down.")] = -1,
) -> None:
    """Serve the HTTP API on SOUK_API_HOST:SOUK_API_PORT, against the settings' Postgres and Temporal."""
    with one_clear_line():
        code = _come_in("api.serving", gate, wait, "api")
        settings = load_settings()
        lift_descriptors()
        listener = listen(settings.api_host, settings.api_port, "SOUK_API_PORT") if fd < 0 else socket.socket(fileno=fd)
        if not code.serve(listener):
            raise StackError("the API did not start: see the error above")


def openapi() -> None:
    """Print the API's OpenAPI document, for generators of clients; needs no Souk that runs."""
    # No secret is in the document and nobody is let in, so any will do.
    settings = Settings(credential_secret=SecretStr(secrets.token_urlsafe()))
    typer.echo(json.dumps(importlib.import_module("api.main").create_app(settings).openapi(), ensure_ascii=False))


def _known_queues(text: str) -> str:
    for name in text.split(","):
        if name not in CONTEXTS.names:
            raise typer.BadParameter(f"{name!r} is no queue: name some of {', '.join(CONTEXTS.names)}")
    return text


def worker(
    wait: Wait = 0,
    gate: _Gate = -1,
    queues: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            callback=_known_queues,
            help="Which processes to run, with a comma in between: those of the market, of checkout, of webhooks.",
        ),
    ] = ",".join(CONTEXTS.names),
) -> None:
    """Run the worker, every process and activity, against the settings' Postgres and Temporal."""
    with one_clear_line():
        code = _come_in("worker.main", gate, wait, "worker")
    code.main(queues.split(","))


def migrate(
    revision: Annotated[str, typer.Option("--to", help="Revision to migrate up to.")] = "head",
    down: Annotated[
        str,
        typer.Option("--down", metavar="REVISION", help="Migrate down to a revision instead, or to `base`."),
    ] = "",
    wait: Wait = 0,
    *,
    new_epoch: Annotated[
        bool,
        typer.Option("--new-epoch", help="After the database was set back to an earlier moment: no place comes twice."),
    ] = False,
) -> None:
    """Bring the database of SOUK_DATABASE_URL to the newest schema; `souk up` does so by itself.

    On a cluster that a dump was loaded into it raises the epoch of the feeds as well.
    """
    with one_clear_line():
        settings = load_settings()
        require(settings, {"database_url": _NEEDED["database_url"]})
        check_database(settings.database_url, patience=wait)
        # Here, not above: Alembic and the tables are slow to import and no other command needs them.
        import psycopg  # noqa: PLC0415
        from alembic.util import CommandError  # noqa: PLC0415
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

        from db.migrate import downgrade, settle_epoch, upgrade  # noqa: PLC0415

        try:
            if down:
                downgrade(settings.database_url, down)
            else:
                upgrade(settings.database_url, revision)
            raised = settle_epoch(settings.database_url, anew=new_epoch) if not down and revision == "head" else None
        except (SQLAlchemyError, psycopg.Error, CommandError) as error:
            raise StackError(f"the migration failed and was rolled back: {error}") from error
        typer.echo(f"migrated to {down or revision}")
        if raised is not None:
            typer.echo(f"places in the feeds go on in epoch {raised}: what is written now comes after all there was")
