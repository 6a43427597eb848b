"""The ``souk`` command: the list of its commands, each in a module that is imported when it is called.

``souk up`` runs `souk api`, `souk worker` and `souk migrate` as processes of their own; each of them would pay for
the imports of drills and benches, which is most of the time until a Souk is open.
"""

from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

# In the order of `souk --help`: the module and the name in it, of a function or of a group of commands.
PLACES = {
    "up": "souk.commands.up:up",
    "api": "souk.commands.parts:api",
    "worker": "souk.commands.parts:worker",
    "migrate": "souk.commands.parts:migrate",
    "openapi": "souk.commands.parts:openapi",
    "backup": "souk.commands.backup:backup",
    "restore": "souk.commands.backup:restore",
    "demo": "souk.trading.commands:demo",
    "audit": "souk.checks.commands:audit",
    "doctor": "souk.checks.mending:doctor",
    "watch": "souk.watch.commands:watch",
    "show": "souk.watch.commands:show",
    "market": "souk.trading.commands:app",
    "trust": "souk.checks.commands:trust_app",
    "operator": "souk.checks.commands:operator_app",
    "drill": "souk.drills.commands:app",
    "bench": "souk.commands.bench:app",
    "simulation": "souk.simulation.commands:app",
}


class _Commands(TyperGroup):
    """Imports a command when it is asked for; all of them for the help and for a name that is none."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(PLACES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        for name in [cmd_name] if cmd_name in PLACES else PLACES:
            if name not in self.commands:
                self.commands[name] = _load(name)
        return self.commands.get(cmd_name)


def _load(name: str) -> Any:
    module, _, attribute = PLACES[name].partition(":")
    found = getattr(import_module(module), attribute)
    holder = typer.Typer()
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name)
    else:
        holder.command(name)(found)
    return get_group(holder).commands[name]


app = typer.Typer(
    cls=_Commands,
    name="souk",
    help="Souk, a durable marketplace for AI agents. Start with `souk up`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # locals hold secrets
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"souk {version('souk')}")
        raise typer.Exit


@app.callback()
def main(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Souk, a durable marketplace for AI agents. Start with `souk up`."""
