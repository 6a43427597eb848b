"""What a trade came to: per customer, per merchant, in all, and beside the directory's baselines.

Utility as the data's authors count it: twice the sum of the values if every wanted item was bought from one
business that has every wanted amenity, else nothing; minus all that was paid. Integer cents throughout.
"""

from collections import defaultdict

from pydantic import BaseModel, computed_field
from rich.console import Console
from rich.table import Table
from rich.text import Text

from souk.trading.dataset import Baseline


class Purchase(BaseModel):
    """One item bought: list price and price paid in cents, and how the price came about."""

    item: str
    store_id: str
    store_name: str
    order_id: str
    list_cents: int
    paid_cents: int
    rounds: int = 0
    haggled: bool = False


class CustomerOutcome(BaseModel):
    """One customer's day: served, or told why not."""

    customer: str
    wanted: list[str]
    value_cents: int
    served: bool = False
    reason: str = ""
    store_name: str | None = None
    purchases: list[Purchase] = []

    @computed_field  # type: ignore[prop-decorator]
    @property
    def paid_cents(self) -> int:
        """All that was paid."""
        return sum(purchase.paid_cents for purchase in self.purchases)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def list_cents(self) -> int:
        """What the same items cost on the menu."""
        return sum(purchase.list_cents for purchase in self.purchases)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def utility_cents(self) -> int:
        """The data's utility of this customer."""
        return (2 * self.value_cents if self.served else 0) - self.paid_cents


class MerchantOutcome(BaseModel):
    """One merchant's day."""

    merchant: str
    deals: int
    revenue_cents: int
    share_of_list: float


class MarketOutcome(BaseModel):
    """The whole trade."""

    market: str
    customers: list[CustomerOutcome]
    baselines: list[Baseline]
    optimal_cents: int | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def utility_cents(self) -> int:
        """All customers' utility."""
        return sum(customer.utility_cents for customer in self.customers)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def merchants(self) -> list[MerchantOutcome]:
        """Merchants that sold something, by revenue."""
        sales: dict[tuple[str, str], list[Purchase]] = defaultdict(list)
        for customer in self.customers:
            for purchase in customer.purchases:
                sales[purchase.store_name, purchase.store_id].append(purchase)
        outcomes = [
            MerchantOutcome(
                merchant=name,
                deals=len(sold),
                revenue_cents=sum(purchase.paid_cents for purchase in sold),
                share_of_list=sum(p.paid_cents for p in sold) / sum(p.list_cents for p in sold),
            )
            for (name, _), sold in sales.items()
        ]
        return sorted(outcomes, key=lambda outcome: -outcome.revenue_cents)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def at_or_above_optimal(self) -> bool:
        """Whether the customers did at least as well as the best choice at menu prices."""
        return self.optimal_cents is None or self.utility_cents >= self.optimal_cents

    @computed_field  # type: ignore[prop-decorator]
    @property
    def everyone_answered(self) -> bool:
        """Whether every customer was served or told why not."""
        return all(customer.served or customer.reason for customer in self.customers)

    @property
    def exit_code(self) -> int:
        """0 when everybody was answered and utility reached the optimal baseline."""
        return 0 if self.everyone_answered and self.at_or_above_optimal else 1


def money(cents: int) -> str:
    """Cents as dollars."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def share(paid: int, listed: int) -> str:
    """Paid as a percentage of list."""
    return f"{100 * paid / listed:.0f} %" if listed else "-"


def customer_table(outcome: MarketOutcome) -> Table:
    """A row per customer."""
    table = Table(title=f"Customers of {outcome.market}")
    table.add_column("customer")
    table.add_column("outcome", overflow="fold")
    for name in ("items", "list", "paid", "share", "utility"):
        table.add_column(name, justify="right", no_wrap=True)
    for customer in outcome.customers:
        told = f"served by {customer.store_name}" if customer.served else f"not served: {customer.reason}"
        table.add_row(
            Text(customer.customer),
            Text(told),
            f"{len(customer.purchases)}/{len(customer.wanted)}",
            money(customer.list_cents),
            money(customer.paid_cents),
            share(customer.paid_cents, customer.list_cents),
            money(customer.utility_cents),
        )
    return table


def merchant_table(outcome: MarketOutcome) -> Table:
    """A row per merchant that sold something."""
    table = Table(title="Merchants with deals")
    table.add_column("merchant")
    for name in ("deals", "revenue", "share of list"):
        table.add_column(name, justify="right", no_wrap=True)
    for merchant in outcome.merchants:
        table.add_row(
            Text(merchant.merchant),
            str(merchant.deals),
            money(merchant.revenue_cents),
            f"{100 * merchant.share_of_list:.0f} %",
        )
    return table


def baseline_table(outcome: MarketOutcome) -> Table:
    """The customers' utility beside each number of the directory's baselines."""
    table = Table(title="Customers' utility")
    table.add_column("baseline (menu prices)", overflow="fold")
    for name in ("number", "baseline", "here", "difference"):
        table.add_column(name, justify="right", no_wrap=True)
    for baseline in outcome.baselines:
        for position, (number, dollars) in enumerate(baseline.numbers.items()):
            cents = round(100 * dollars)
            table.add_row(
                baseline.name if position == 0 else "",
                number,
                money(cents),
                money(outcome.utility_cents),
                f"{'+' if outcome.utility_cents >= cents else ''}{money(outcome.utility_cents - cents)}",
            )
    return table


def verdict(outcome: MarketOutcome) -> str:
    """One line on whether the market beat the optimal baseline."""
    if outcome.optimal_cents is None:
        return "The directory names no pick_optimal_baseline to compare with."
    relation = "at or above" if outcome.at_or_above_optimal else "BELOW"
    return (
        f"Customers' utility {money(outcome.utility_cents)} is {relation} "
        f"pick_optimal_baseline {money(outcome.optimal_cents)}."
    )


def print_outcome(console: Console, outcome: MarketOutcome) -> None:
    """All tables, totals and the verdict."""
    served = sum(customer.served for customer in outcome.customers)
    bought = [purchase for customer in outcome.customers for purchase in customer.purchases]
    paid, listed = sum(p.paid_cents for p in bought), sum(p.list_cents for p in bought)
    haggled = sum(purchase.haggled for purchase in bought)
    console.print(customer_table(outcome))
    console.print(merchant_table(outcome))
    console.print(baseline_table(outcome))
    told = sum(not customer.served and bool(customer.reason) for customer in outcome.customers)
    for line in (
        f"{served} of {len(outcome.customers)} customers served, {told} told why not.",
        (
            f"{len(bought)} deals, {haggled} of them haggled; paid {money(paid)} of {money(listed)} "
            f"at list prices ({share(paid, listed)})."
        ),
        verdict(outcome),
    ):
        console.print(Text(line), highlight=False, soft_wrap=True)
