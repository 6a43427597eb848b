"""The ``souk`` command. Every command is a function elsewhere; this is the list of them."""

from importlib.metadata import version
from typing import Annotated

import typer

from souk.checks.commands import audit, operator_app, trust_app
from souk.checks.mending import doctor
from souk.commands.bench import app as bench_app
from souk.commands.parts import api, migrate, worker
from souk.commands.up import up
from souk.drills.commands import app as drill_app
from souk.simulation.commands import app as simulation_app
from souk.trading.commands import app as market_app
from souk.trading.commands import demo
from souk.watch.commands import show, watch

app = typer.Typer(
    name="souk",
    help="Souk, a durable marketplace for AI agents. Start with `souk up`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # locals hold secrets
)
app.command()(up)
app.command()(api)
app.command()(worker)
app.command()(migrate)
app.command()(demo)
app.command()(audit)
app.command()(doctor)
app.command()(watch)
app.command()(show)
app.add_typer(market_app, name="market")
app.add_typer(trust_app, name="trust")
app.add_typer(operator_app, name="operator")
app.add_typer(drill_app, name="drill")
app.add_typer(bench_app, name="bench")
app.add_typer(simulation_app, name="simulation")


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
