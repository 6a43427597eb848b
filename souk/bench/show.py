"""A bench's result on the terminal, with its spreads and the ratio of every pair."""

from rich.console import Console
from rich.table import Table

from souk.bench.page import limit, shown, spread
from souk.bench.results import Result

_WIDTH = 150


def show(result: Result) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    table = Table(title=f"{result.bench}: {result.title} ({result.rounds} rounds, {result.seconds:.0f} s)")
    for name in ("", "unit", "subject", "floor", "ratios", "median ratio", "goal", "verdict"):
        table.add_column(name, justify="left" if not name else "right", overflow="fold")
    for row in result.comparisons:
        table.add_row(
            row.name, row.unit, spread(row.subject), spread(row.floor), " ".join(shown(r) for r in row.ratios),
            spread(row.ratios), limit(row), row.verdict,
        )  # fmt: skip
    for figure in result.figures:
        table.add_row(
            figure.name, figure.unit, spread(figure.values), "", " ".join(shown(v) for v in figure.values), "",
            limit(figure), figure.verdict,
        )  # fmt: skip
    console.print(table)
    for name, value in result.facts.items():
        console.print(f"  {name}: {value}", highlight=False)
    breached = {name: count for name, count in result.audit.items() if count}
    console.print(f"  audit: {breached or 'clean'}" if result.audit else "  audit: not reached", highlight=False)
    for text in result.breaches[:20]:
        console.print(f"  {text}", style="red", highlight=False)
    console.print(f"  {result.verdict}", style="bold")
