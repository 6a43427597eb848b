"""What happened in the demo, counted per store while it happens and shown as a table at its end."""

from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from souk.trading.book import MerchantCard
from souk.trading.demo_cast import Shop
from souk.trading.outcome import money, share


@dataclass(slots=True)
class StoreTally:
    """What happened at one store; money in cents, trust 0 to 100."""

    shop: Shop
    card: MerchantCard
    negotiations: int = 0
    rounds: int = 0
    deals: int = 0
    paid_cents: int = 0
    list_cents: int = 0
    delivered: int = 0
    reviews: int = 0
    trust_before: float = 0.0
    trust_after: float = 0.0


def report(tallies: list[StoreTally]) -> Table:
    """What happened, a row per store and one for all."""
    table = Table(title="What happened", box=SIMPLE_HEAD, pad_edge=False, padding=0)
    table.add_column("store", min_width=14)
    for name in ("offers", "rounds", "deals", "paid", "share", "delivered", "reviews", "trust"):
        table.add_column(name, justify="right", no_wrap=True)
    for tally in tallies:
        table.add_row(Text(tally.shop.store), *cells([tally]), f"{tally.trust_before:.1f} → {tally.trust_after:.1f}")
    moved = sum(tally.trust_after != tally.trust_before for tally in tallies)
    table.add_section()
    table.add_row("all", *cells(tallies), f"{moved}/{len(tallies)} moved")
    return table


def cells(tallies: list[StoreTally]) -> list[str]:
    """The numbers of some stores together."""
    paid, listed = sum(t.paid_cents for t in tallies), sum(t.list_cents for t in tallies)
    counts = [sum(column) for column in zip(*((t.negotiations, t.rounds, t.deals) for t in tallies), strict=True)]
    ends = [sum(column) for column in zip(*((t.delivered, t.reviews) for t in tallies), strict=True)]
    return [*map(str, counts), money(paid), share(paid, listed), *map(str, ends)]
