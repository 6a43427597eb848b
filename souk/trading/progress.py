"""Progress of a trade: a live table on a terminal, plain occasional lines everywhere else."""

from collections import Counter
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

RECENT = 30


class Board:
    """Who is doing what, and how often things happened."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._stages: dict[str, str] = {}
        self._finished: set[str] = set()
        self.counts: Counter[str] = Counter()
        self._note = ""
        self._live = Live(self.render(), console=console, refresh_per_second=8) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.update(self.render())
            self._live.__exit__(kind, error, trace)

    def stage(self, who: str, text: str, *, finished: bool = False) -> None:
        """Say what somebody is doing now; a final stage is also printed where there is no live table."""
        self._stages.pop(who, None)
        self._stages[who] = text
        if finished:
            self._finished.add(who)
        if self._live is not None:
            self._live.update(self.render())
        elif finished:
            self.line(f"{who}: {text}")

    def count(self, what: str) -> None:
        """One more of something."""
        self.counts[what] += 1

    def note(self, text: str) -> None:
        """Something about the market itself, such as waiting for it to come back; repeats are swallowed."""
        if text != self._note:
            self._note = text
            if self._live is None:
                self.line(text)

    def line(self, text: str) -> None:
        """One plain line."""
        self._console.print(Text(text), highlight=False, soft_wrap=True)

    def render(self) -> Table:
        """The live table: the latest stage of the agents that moved last."""
        numbers = " · ".join(f"{count} {what}" for what, count in sorted(self.counts.items()))
        table = Table(
            title=self._title,
            caption=Text(" · ".join(part for part in (numbers, self._note) if part)),
        )
        table.add_column("agent", no_wrap=True, min_width=18)
        table.add_column("now", overflow="ellipsis", no_wrap=True, min_width=40)
        room = max(4, min(RECENT, self._console.height - 8))
        for who, text in list(self._stages.items())[-room:]:
            mark = "[green]✓[/green] " if who in self._finished else ""
            table.add_row(Text(who), Text.from_markup(mark) + Text(text))
        return table
