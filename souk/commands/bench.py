"""``souk bench``: one command per bench, each on a stack of its own."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from souk.bench.counts import COUNTS_FILE, FlowCounts, compare, count_flow, read_counts, write_counts
from souk.commands.clear_errors import one_clear_line
from souk.drills.stack import data_directory

app = typer.Typer(no_args_is_help=True, help="Benches: Souk against the floor it stands on, and against itself.")

BenchDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="A fresh folder for the bench's stack, kept afterwards; a temporary one if none."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the figures as one JSON document.")]


def _tell(text: str) -> None:
    typer.echo(f"  {text}", err=True)


@app.command("counts")
def counts(
    *,
    update: Annotated[bool, typer.Option("--update", help="Keep the counts found; the commit says why.")] = False,
    file: Annotated[Path, typer.Option(help="Where the counts are kept.")] = COUNTS_FILE,
    data_dir: BenchDir = None,
    as_json: AsJson = False,
) -> None:
    """Count what one flow asks of Temporal and Postgres; exit 1 when more than is kept in the file."""
    with one_clear_line(), data_directory(data_dir) as folder:
        found = count_flow(folder, _tell)
    if as_json:
        sys.stdout.write(json.dumps(found.json(), indent=2) + "\n")
    else:
        _show_counts(found)
    if update:
        write_counts(file, found)
        return
    grown = compare(read_counts(file), found)
    for text in grown:
        typer.echo(text, err=True)
    if grown:
        raise typer.Exit(1)


def _show_counts(found: FlowCounts) -> None:
    table = Table(title="One flow, alone")
    table.add_column("")
    for name in (*found.steps, "flow"):
        table.add_column(name, justify="right")
    for name, total in found.total.items():
        table.add_row(name, *(str(step.figures[name]) for step in found.steps.values()), str(total))
    Console().print(table)
