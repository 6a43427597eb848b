"""``souk drill``: one command per drill, each on a stack of its own."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer
from rich.console import Console
from rich.table import Table

from souk.commands.clear_errors import one_clear_line
from souk.drills.attack.drill import run_attack_drill
from souk.drills.attack.table import ATTACKS, NAMES
from souk.drills.crash import CrashReport, Extent, run_crash_drill
from souk.drills.flood import FEWEST_ASKERS, FloodReport, run_flood_drill
from souk.drills.leak import LeakReport, run_leak_drill
from souk.drills.outage import PARTS, OutageReport, run_outage_drill
from souk.drills.stack import data_directory
from souk.stack.errors import StackError

app = typer.Typer(no_args_is_help=True, help="Drills: attack a Souk of their own and say what broke.")

DrillDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="A fresh folder for the drill's stack, kept afterwards; a temporary one if none."),
]
_MOST_SHOWN = 50
AsJson = Annotated[bool, typer.Option("--json", help="Print the figures as one JSON document.")]


class _Report(Protocol):
    """What a drill found. ``breaches``: what broke, in words."""

    @property
    def breaches(self) -> list[str]: ...

    def json(self) -> dict[str, Any]: ...


def _tell(text: str) -> None:
    typer.echo(f"  {text}", err=True)


def _conclude(report: _Report, title: str, rows: dict[str, object], *, as_json: bool) -> None:
    """Say what was found; exits with 1 when something broke."""
    if as_json:
        sys.stdout.write(json.dumps(report.json(), indent=2) + "\n")
    else:
        table = Table(title=title, show_header=False)
        table.add_column(max_width=46)
        table.add_column(justify="right")
        for name, value in rows.items():
            table.add_row(name, str(value))
        console = Console()
        console.print(table)
        for text in report.breaches[:_MOST_SHOWN]:
            console.print(f"  {text}", style="red", highlight=False)
    if report.breaches:
        raise typer.Exit(1)


@app.command("crash")
def crash(
    *,
    minutes: Annotated[float, typer.Option(min=0.1, help="How long to strike.")] = 2.0,
    kills: Annotated[int, typer.Option(min=0, help="Go on until there were so many, however slow the machine.")] = 0,
    writes: Annotated[int, typer.Option(min=0, help="Go on until so many were acknowledged.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed strikes in the same order.")] = 1,
    quiet: Annotated[float, typer.Option("--quiet", min=0.1, help="Mean seconds between blows.")] = 3.0,
    merchants: Annotated[int, typer.Option(min=1)] = 3,
    customers: Annotated[int, typer.Option(min=1)] = 8,
    data_dir: DrillDir = None,
    as_json: AsJson = False,
) -> None:
    """Kill, pause and cut off every part of a trading market; exit 1 when a write was lost or done twice."""
    with one_clear_line(), data_directory(data_dir) as folder:
        report = run_crash_drill(
            folder, extent=Extent(minutes, kills, writes), seed=seed, quiet_seconds=quiet,
            merchants=merchants, customers=customers, tell=_tell,
        )  # fmt: skip
    title = f"Crash drill: {report.minutes:g} minutes, seed {report.seed}"
    _conclude(report, title, _crash_rows(report), as_json=as_json)


def _crash_rows(report: CrashReport) -> dict[str, object]:
    return {
        **report.blows,
        "kills": report.kills,
        "parts that ended by themselves": report.ended_by_themselves,
        "operations": report.operations,
        "acknowledged": report.acknowledged,
        "refused by a rule": report.refused,
        "retried operations": report.retried,
        "retries": report.retries,
        "never answered": report.unresolved,
        "asked again with the same key": report.asked_again,
        "lost": report.lost,
        "doubled": report.doubled,
        "breaches": len(report.breaches),
        f"time to recover p50 (of {report.recoveries})": f"{report.recovery_p50_seconds:.2f} s",
        "time to recover p99": f"{report.recovery_p99_seconds:.2f} s",
        "settled in": f"{report.settled_in_seconds:.1f} s",
    }


@app.command("leak")
def leak(
    *,
    trials: Annotated[int, typer.Option(min=7, help="How many offers to put down to their makers.")] = 84,
    seed: Annotated[int, typer.Option(help="The same seed draws the same makers.")] = 1,
    data_dir: DrillDir = None,
    as_json: AsJson = False,
) -> None:
    """Plant secrets in a market of its own and look for them everywhere; exit 1 when one came out."""
    with one_clear_line(), data_directory(data_dir) as folder:
        report = run_leak_drill(folder, _tell, trials=trials, seed=seed)
    _conclude(report, "Leak drill", _leak_rows(report), as_json=as_json)


def _leak_rows(report: LeakReport) -> dict[str, object]:
    floor = report.floor
    return {
        "canaries": report.canaries,
        "states of offers": ", ".join(report.states),
        "requests as six kinds of viewers": report.requests,
        "provoked refusals": report.refusals,
        "bytes searched": report.streams_and_reads_bytes,
        "tables as souk_api": report.tables,
        "histories shown by temporal": report.histories,
        "files (logs at debug level, temporal.db)": report.files,
        "offers around a hidden floor": floor.offers,
        "median answer below / above it": f"{floor.median_below_ms:.1f} / {floor.median_above_ms:.1f} ms",
        "chance of such a difference (Mann-Whitney)": f"{floor.chance:.3f}",
        "different wordings": floor.wordings,
        "median automatic accept / decline": f"{floor.median_accept_ms:.0f} / {floor.median_decline_ms:.0f} ms",
        "chance of such a difference": f"{floor.chance_of_answers:.3f}",
        f"thresholds found by bids (of {report.thresholds.attacks})": report.thresholds.found,
        "median error of such an attack": f"{100 * report.thresholds.median_error:.1f} %",
        f"guesses at {report.linking.events} anonymous events": report.linking.guesses,
        "buyers recognised by their purchases": f"{report.linking.buyers_named} of {report.linking.purchases}",
        "least likely by chance": report.linking.strongest,
        "leaks": len(report.hits),
        "failed checks": len(report.failed),
    }


@app.command("flood")
def flood(
    *,
    minutes: Annotated[float, typer.Option(min=1, help="How long to flood, once warm.")] = 5.0,
    askers: Annotated[int, typer.Option(min=FEWEST_ASKERS, help="Agents that ask at once, without a pause.")] = 200,
    holders: Annotated[int, typer.Option(min=1, help="Connections of every kind that are held and not used.")] = 100,
    data_dir: DrillDir = None,
    as_json: AsJson = False,
) -> None:
    """Ask for more than the machine can do, and hold what is not used; exit 1 when others are not served for it."""
    with one_clear_line(), data_directory(data_dir) as folder:
        report = run_flood_drill(folder, minutes=minutes, askers=askers, holders=holders, tell=_tell)
    title = f"Flood drill: {report.seconds / 60:g} minutes, {report.askers} askers"
    _conclude(report, title, _flood_rows(report), as_json=as_json)


def _flood_rows(report: FloodReport) -> dict[str, object]:
    siege = report.siege
    return {
        **{f"answers {status}": count for status, count in report.answers.items()},
        "accepted": report.accepted,
        "p50 / p99 of accepted requests": f"{report.accepted_p50:.2f} / {report.accepted_p99:.2f} s",
        "p99 of a read before the flood": f"{report.calm_p99:.3f} s",
        **{f"memory of {name}, early / late": f"{a} / {b} MiB" for name, (a, b) in report.memory.items()},
        "calm again in": f"{report.recovered_in:.1f} s",
        "connections held in the siege": sum(siege.opened.values()),
        "refused / most at once / still open": f"{siege.refused} / {siege.most_open} / {siege.open}",
        "honest requests answered / failed": f"{siege.honest} / {len(siege.failures)}",
        "memory of api, before / most": f"{siege.memory_before:.0f} / {siege.memory_most:.0f} MiB",
        "breaches": len(report.breaches),
    }


@app.command("outage")
def outage(
    *,
    only: Annotated[str | None, typer.Option(help=f"One part: {', '.join(PARTS)}.")] = None,
    data_dir: DrillDir = None,
    as_json: AsJson = False,
) -> None:
    """Keep parts of a market away for longer than its parties' dates; exit 1 when anybody paid for it."""
    with one_clear_line(), data_directory(data_dir) as folder:
        if only not in {None, *PARTS}:
            raise StackError(f"there is no part {only}: {', '.join(PARTS)}")
        report = run_outage_drill(folder, _tell, (only,) if only else PARTS)
    _conclude(report, "Outage drill", _outage_rows(report), as_json=as_json)


def _outage_rows(report: OutageReport) -> dict[str, object]:
    return {
        **{f"{name} away": f"{seconds} s" for name, seconds in report.away.items()},
        "outages recorded": report.outages,
        "dates extended": report.dates_moved,
        "acts in time after all": report.acted,
        "breaches": len(report.breaches),
    }


@app.command("attack")
def attack(
    *,
    only: Annotated[
        list[str] | None, typer.Option(metavar="PROBE", help=f"Some probes, once each: {', '.join(NAMES)}.")
    ] = None,
    short: Annotated[bool, typer.Option("--short", help="Fewer numbers and nests, as in the tests.")] = False,
    data_dir: DrillDir = None,
    as_json: AsJson = False,
) -> None:
    """Try again what strangers tried: for trust, stock, other machines, faults; exit 1 when something broke."""
    with one_clear_line(), data_directory(data_dir) as folder:
        report = run_attack_drill(folder, _tell, only=only or (), short=short)
    rows: dict[str, object] = {
        f"{name}: {ATTACKS[name]}": f"{len(found.broke)} broke" if found.broke else f"{len(found.held)} held"
        for name, found in report.probes.items()
    }
    rows["breaches"] = len(report.breaches)
    _conclude(report, f"Attack drill: {report.seconds:g} s", rows, as_json=as_json)
