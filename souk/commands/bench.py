"""``souk bench``: one command per bench, each on a stack of its own."""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from souk.bench.command import run_command
from souk.bench.counts import COUNTS_FILE, FlowCounts, compare, count_flow, read_counts, write_counts
from souk.bench.cpu import run_cpu
from souk.bench.flow import run_flow
from souk.bench.growth import QUICK_LARGE, run_growth
from souk.bench.harness import Bench
from souk.bench.hot_store import run_hot_store
from souk.bench.page import PAGE, write_page
from souk.bench.read import run_read
from souk.bench.results import FOLDER, Result
from souk.bench.seeding import FULL
from souk.bench.show import show
from souk.bench.sleep import DEFAULT, QUICK, run_sleep
from souk.bench.start import run_start
from souk.bench.trust import run_trust
from souk.bench.watch import run_watch
from souk.bench.workers import run_workers
from souk.commands.clear_errors import one_clear_line
from souk.drills.stack import data_directory

app = typer.Typer(no_args_is_help=True, help="Benches: Souk against the floor it stands on, and against itself.")

BenchDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="A fresh folder for the bench's stack, kept afterwards; a temporary one if none."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the figures as one JSON document.")]
Quick = Annotated[bool, typer.Option("--quick", help="Two short rounds: a smoke test, which is not kept.")]
Write = Annotated[bool, typer.Option("--write/--no-write", help=f"Keep the result in {FOLDER} and render {PAGE}.")]
# The order in which `souk bench all` runs them: the short ones first.
BENCHES: dict[str, Callable[[Bench], Result]] = {
    "flow": run_flow,
    "cpu": run_cpu,
    "command": run_command,
    "read": run_read,
    "watch": run_watch,
    "trust": run_trust,
    "start": run_start,
    "sleep": partial(run_sleep, size=DEFAULT),
    "growth": partial(run_growth, events=FULL),
    "hot-store": run_hot_store,
    "workers": run_workers,
}


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
        write_page()
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


def _run(name: str, run: Callable[[Bench], Result], data_dir: Path | None, more: str = "", **how: bool) -> Result:
    command = f"souk bench {name}{more}" + (" --quick" if how["quick"] else "")
    with one_clear_line(), data_directory(data_dir) as folder:
        result = run(Bench(folder, _tell, quick=how["quick"], command=command))
    if how["as_json"]:
        sys.stdout.write(result.model_dump_json(indent=1) + "\n")
    else:
        show(result)
    if how["write"] and not how["quick"]:
        result.keep()
        write_page()
    return result


def _end(*results: Result) -> None:
    """A miss is a finding, not a failure; a breach of an invariant is one."""
    if any(result.breaches for result in results):
        raise typer.Exit(1)


@app.command("flow")
def flow(*, quick: Quick = False, write: Write = True, data_dir: BenchDir = None, as_json: AsJson = False) -> None:
    """Whole deals over HTTP, 16 at a time, against bare workflows."""
    _end(_run("flow", run_flow, data_dir, quick=quick, write=write, as_json=as_json))


@app.command("cpu")
def cpu(*, quick: Quick = False, write: Write = True, data_dir: BenchDir = None, as_json: AsJson = False) -> None:
    """The processor time of one deal and of one read, part by part, beside the floor's."""
    _end(_run("cpu", run_cpu, data_dir, quick=quick, write=write, as_json=as_json))


@app.command("command")
def command(*, quick: Quick = False, write: Write = True, data_dir: BenchDir = None, as_json: AsJson = False) -> None:
    """One offer, one accept, one purchase, idle and at half load, against the same bare updates."""
    _end(_run("command", run_command, data_dir, quick=quick, write=write, as_json=as_json))


@app.command("read")
def read(*, quick: Quick = False, write: Write = True, data_dir: BenchDir = None, as_json: AsJson = False) -> None:
    """The public reads, 32 at a time, against the same SQL in bare routes."""
    _end(_run("read", run_read, data_dir, quick=quick, write=write, as_json=as_json))


@app.command("watch")
def watch(*, quick: Quick = False, write: Write = True, data_dir: BenchDir = None, as_json: AsJson = False) -> None:
    """A thousand watchers of the live feed, while fifty events a second happen."""
    _end(_run("watch", run_watch, data_dir, quick=quick, write=write, as_json=as_json))


@app.command("start")
def start(*, quick: Quick = False, write: Write = True, data_dir: BenchDir = None, as_json: AsJson = False) -> None:
    """`souk up` from cold and from a filled data directory."""
    _end(_run("start", run_start, data_dir, quick=quick, write=write, as_json=as_json))


@app.command("hot-store")
def hot_store(*, quick: Quick = False, write: Write = True, data_dir: BenchDir = None, as_json: AsJson = False) -> None:
    """Offers to other stores while one store's processes start by the thousand, with and without fairness."""
    _end(_run("hot-store", run_hot_store, data_dir, quick=quick, write=write, as_json=as_json))


@app.command("workers")
def workers(*, quick: Quick = False, write: Write = True, data_dir: BenchDir = None, as_json: AsJson = False) -> None:
    """Two worker processes against one, where the worker is the limit."""
    _end(_run("workers", run_workers, data_dir, quick=quick, write=write, as_json=as_json))


@app.command("trust")
def trust(*, quick: Quick = False, write: Write = True, data_dir: BenchDir = None, as_json: AsJson = False) -> None:
    """A store with a hundred thousand facts beside one with a thousand: fold, verify, page."""
    _end(_run("trust", run_trust, data_dir, quick=quick, write=write, as_json=as_json))


@app.command("growth")
def growth(
    *,
    events: Annotated[int, typer.Option(min=20_000, help="Activity events of the large market.")] = FULL,
    quick: Quick = False,
    write: Write = True,
    data_dir: BenchDir = None,
    as_json: AsJson = False,
) -> None:
    """A market of ten million events beside one of ten thousand; then the plans of every read."""
    events = QUICK_LARGE if quick and events == FULL else events
    more = "" if events == FULL else f" --events {events}"
    run = partial(run_growth, events=events)
    _end(_run("growth", run, data_dir, more, quick=quick, write=write, as_json=as_json))


@app.command("sleep")
def sleep(
    *,
    size: Annotated[int, typer.Option(min=10, help="Processes to put to sleep, some sixty a second.")] = DEFAULT,
    quick: Quick = False,
    write: Write = True,
    data_dir: BenchDir = None,
    as_json: AsJson = False,
) -> None:
    """Open negotiations and orders waiting for their dates, by the ten thousand, beside none."""
    size = QUICK if quick and size == DEFAULT else size
    more = "" if size == DEFAULT else f" --size {size}"
    run = partial(run_sleep, size=size)
    _end(_run("sleep", run, data_dir, more, quick=quick, write=write, as_json=as_json))


@app.command("all")
def run_all(*, quick: Quick = False, write: Write = True, as_json: AsJson = False) -> None:
    """Every bench, one after the other; the page is renewed after each."""
    _end(*(_run(name, run, None, quick=quick, write=write, as_json=as_json) for name, run in BENCHES.items()))


@app.command("page")
def page() -> None:
    """Write the page anew from the results that are kept."""
    write_page()
