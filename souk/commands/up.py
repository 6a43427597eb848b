"""``souk up``: the whole stack under one supervisor, until it is told to stop."""

import json
import logging
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from souk.commands.clear_errors import one_clear_line
from souk.commands.options import DEFAULT_DATA_DIR, DataDir
from souk.stack.data_dir import DataDirectory
from souk.stack.errors import StopRequested
from souk.stack.running import RunningStack
from souk.stack.settings import load_settings
from souk.stack.signals import Signals
from souk.stack.supervisor import StackOptions, Supervisor


def up(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    api_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the API; 0 is any free one.")] = 8000,
    temporal_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of Temporal's gRPC frontend; 0 is any free one.")
    ] = 7233,
    ui_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of Temporal's web UI; 0 is any free one.")
    ] = 8233,
    json_line: Annotated[
        bool,
        typer.Option("--json", help="When ready, print the addresses as one JSON line and nothing else."),
    ] = False,
    stores_only: Annotated[
        bool,
        typer.Option("--stores-only", help="Only Postgres and Temporal: run `souk api` and `souk worker` yourself."),
    ] = False,
) -> None:
    """Run Souk: Postgres, Temporal, worker and API, from one data directory.

    Data and running processes survive a restart. With SOUK_DATABASE_URL or SOUK_TEMPORAL_ADDRESS set, those
    are used in place of the embedded ones. SIGTERM or Ctrl-C stops everything in order.
    """
    os.umask(0o077)  # whatever a child writes into the data directory is for its owner alone
    options = StackOptions(api_port, temporal_port, ui_port, stores_only)
    with one_clear_line(), DataDirectory(data_dir) as data, _log_to(data), Signals() as signals:
        settings = load_settings()
        with _progress() as tell:
            supervisor = Supervisor(data, options, settings, signals, tell)
            try:
                stack = supervisor.start()
                tell("")
                _show(stack, data, json_line=json_line)
                supervisor.watch()
            except StopRequested:
                pass
            finally:
                supervisor.stop()


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """A spinner on a terminal; elsewhere the supervisor's log says enough. An empty text hides it."""
    console = Console(stderr=True)
    status = console.status("")

    def tell(text: str) -> None:
        if text and console.is_terminal:
            status.update(f"{text} …")
            status.start()
        else:
            status.stop()

    try:
        yield tell
    finally:
        status.stop()


@contextmanager
def _log_to(data: DataDirectory) -> Iterator[None]:
    """The supervisor's own log: to ``logs/souk.log``, and what is worth a warning to stderr too."""
    logger = logging.getLogger("souk.stack")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    file = logging.FileHandler(data.logs / "souk.log", encoding="utf-8")
    screen = logging.StreamHandler(sys.stderr)
    screen.setLevel(logging.WARNING)
    for handler in (file, screen):
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
    try:
        yield
    finally:
        for handler in (file, screen):
            logger.removeHandler(handler)
        file.close()


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    netloc = f"{user.partition(':')[0]}:***@{host}" if parts.password else parts.netloc
    return unquote(parts._replace(netloc=netloc).geturl())


def _show(stack: RunningStack, data: DataDirectory, *, json_line: bool) -> None:
    if json_line:
        sys.stdout.write(json.dumps(stack.addresses()) + "\n")
        sys.stdout.flush()
        return
    table = Table.grid(padding=(0, 2))
    rows = {
        "Market": stack.api,
        "Console": f"{stack.api}/console",
        "API docs": f"{stack.api}/docs",
        "Temporal UI": stack.temporal_workflows or "not known: set SOUK_TEMPORAL_UI_URL",
        "Temporal": stack.temporal,
        "Database": _without_password(stack.database),
        "Data and logs": str(data.path),
    }
    for name, value in rows.items():
        table.add_row(f"[bold]{name}[/bold]", Text(value, overflow="fold"))
    console = Console()
    console.print(Panel(table, title="Souk is open", border_style="green", expand=False))
    agent = """{"agent_type": "CUSTOMER", "handle": "me", "display_name": "Me"}"""
    create_key = [sys.executable, "-m", "souk", "operator", "create-key", "me", "--data-dir", str(data.path)]
    hints = {
        "A key for an agent (a merchant's with MERCHANT):": (
            f"curl {stack.api}/v1/agents -H 'Content-Type: application/json' -d '{agent}'"
        ),
        "A key for the console; who says there why payloads are looked at reads them in the Temporal UI:": shlex.join(
            create_key
        ),
    }
    for why, command in hints.items():
        console.print(Text(why), style="dim")
        console.print(Text(f"    {command}"), soft_wrap=True)
    console.print("Ctrl-C stops it; the data stay.", style="dim")
