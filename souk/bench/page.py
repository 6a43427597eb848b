"""docs/benchmarks.md, written from the results kept beside it: every bench's last run, and the counts."""

from collections.abc import Sequence
from pathlib import Path

from souk.bench.counts import COUNTS_FILE, read_counts
from souk.bench.results import FOLDER, Comparison, Figure, Result, kept_results, median, quantile

PAGE = Path("docs/benchmarks.md")
_HEAD = """# Benchmarks

Written by `souk bench`; do not edit. `make bench` runs all of them, `souk bench NAME` one; docs/benchmarks/ holds
every bench's last result as JSON, and this page is rendered from those.

Each bench starts a stack of its own, warms up, then runs subject and floor in turns, at least five times. A ratio is
taken within one round, and the median over the rounds is judged: a noisy machine moves both. A spread is the first
and third quartile. Nothing is tuned that is not the default of `souk up`, with one exception: all requests come from
one address and few agents, so the rate limits per address and per agent are lifted. The client, the floor's client
and every part of the stack share the machine's cores. After each bench the market's invariants are audited.
"""
_COUNTS = """## Counts

What one flow asks for, alone on a quiet stack (`souk bench counts`): kept in {file}, and a test fails when any of
them grows. Polls for work are left out of Temporal's calls: they wait, and there is one for every task. The feed's own
reading of the log is left out of Postgres' figures, as it is one for any number of commits, and so is a pool's asking
whether an idle connection still lives. Rows locked and written are those in Postgres' log of changes: locks of
foreign keys included, unlogged tables (the rate limits) not. Bytes may waver by 3 %: they hold host names and times.
"""


def render(folder: Path = FOLDER, counts: Path = COUNTS_FILE) -> str:
    """The whole page."""
    results = kept_results(folder)
    parts = [_HEAD]
    if results:
        parts.append(_overview(results))
    if counts.exists():
        parts.append(_counts(counts))
    parts += [_section(result) for result in results]
    return "\n".join(part.rstrip() + "\n" for part in parts)


def write_page(page: Path = PAGE, folder: Path = FOLDER, counts: Path = COUNTS_FILE) -> None:
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(render(folder, counts))


def shown(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value != value:  # noqa: PLR0124 - not a number
        return "–"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}"


def spread(values: list[float]) -> str:
    return f"{shown(median(values))} ({shown(quantile(values, 0.25))}–{shown(quantile(values, 0.75))})"


def limit(row: Comparison | Figure) -> str:
    if isinstance(row, Comparison) and row.at_least is not None:
        return f"≥ {row.at_least:g}"
    return f"≤ {row.at_most:g}" if row.at_most is not None else ""


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def _overview(results: list[Result]) -> str:
    rows = [(f"[{r.bench}](#{r.bench})", r.subject, r.floor, r.goal, f"**{r.verdict}**") for r in results]
    return _table(("bench", "subject", "floor or peer", "goal", "verdict"), rows)


def _section(result: Result) -> str:
    machine = ", ".join(f"{value}" if key == "processor" else f"{key} {value}" for key, value in result.machine.items())
    versions = ", ".join(f"{name} {value}" for name, value in result.versions.items())
    lines = [
        f"## {result.bench}",
        "",
        f"{result.title}. Subject: {result.subject}. Floor: {result.floor}. Goal: {result.goal}.",
        "",
        f"`{result.command}` on {result.date} at {result.commit}: {result.rounds} rounds in {result.seconds:.0f} s"
        + (", interrupted" if result.interrupted else "")
        + (", quick: no more than a smoke test" if result.quick else "")
        + f".\n{machine}; {versions}.",
        "",
    ]
    if result.comparisons:
        rows = [
            (row.name, row.unit, spread(row.subject), spread(row.floor), spread(row.ratios), limit(row), row.verdict)
            for row in result.comparisons
        ]
        lines.append(_table(("", "unit", "subject", "floor", "ratio", "goal", "verdict"), rows))
    if result.figures:
        figures = [(row.name, row.unit, spread(row.values), limit(row), row.verdict) for row in result.figures]
        lines.append(_table(("", "unit", "measured", "goal", "verdict"), figures))
    lines += [f"- {name}: {value}" for name, value in result.facts.items()]
    lines.append(f"- audit: {_audited(result)}")
    return "\n".join(lines)


def _audited(result: Result) -> str:
    if not result.audit:
        return "not reached"
    breached = {name: count for name, count in result.audit.items() if count}
    if breached:
        return "; ".join(f"{name}: {count} breaches" for name, count in breached.items())
    return f"{len(result.audit)} invariants, no breach"


def _counts(path: Path) -> str:
    kept = read_counts(path)
    steps, flow = kept["steps"], kept["flow"]
    assert isinstance(steps, dict)
    assert isinstance(flow, dict)
    rows = [
        (name.replace("_", " "), *(f"{step[name]:,}" for step in steps.values()), f"{total:,}")
        for name, total in flow.items()
    ]
    return _COUNTS.format(file=path.as_posix()) + "\n" + _table(("", *steps, "flow"), rows)
