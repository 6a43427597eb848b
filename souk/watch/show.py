"""One thing of the market printed with its history."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from babel.numbers import format_currency, get_currency_precision
from rich.console import Console
from rich.table import Table
from rich.text import Text

from souk_client import AsyncSouk
from souk_client.calls import Json


def _time(text: str | None) -> str:
    return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}" if text else "–"


def _facts(console: Console, title: str, facts: dict[str, object]) -> None:
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        if value is not None:
            table.add_row(Text(name, style="dim"), Text(str(value)))
    console.print(Text(title, style="bold"))
    console.print(table)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column)
    return table


async def show_store(client: AsyncSouk, id: UUID, console: Console) -> None:
    store = await client.get(f"/v1/stores/{id}")
    trust = store["trust"]
    _facts(
        console,
        store["name"],
        {
            "status": store["status"],
            "tagline": store["tagline"],
            "trust": f"{trust['overall_milli'] / 1000:.3f}" + ("" if trust["rated"] else " (not rated yet)"),
            "returns": store["return_policy_text"],
            "shipping": store["shipping_policy_text"],
        },
    )
    steps = _table("Trust", "step", "when", "why", "part", "moved", "after")
    async for step in client.pages(f"/v1/stores/{id}/trust/events"):
        moved = step["overall_after_milli"] - step["overall_before_milli"]
        steps.add_row(
            str(step["sequence"]), _time(step["timestamp"]), step["reason"], step["component"],
            f"{moved / 1000:+.3f}", f"{step['overall_after_milli'] / 1000:.3f}",
        )  # fmt: skip
    console.print(steps)
    notes = _table("Patch notes", "when", "what", "from", "to", "why")
    for note in store["recent_updates"]:
        notes.add_row(
            _time(note["created_at"]),
            *(Text(str(note[name] or "")) for name in ("field_name", "old_value", "new_value", "reason")),
        )
    console.print(notes)


async def show_listing(client: AsyncSouk, id: UUID, console: Console) -> None:
    listing = await client.get(f"/v1/listings/{id}")
    names = ("status", "inventory_on_hand", "delivery", "store_name", "store_id")
    amount = Decimal(listing["price_cents"]) / 10 ** get_currency_precision(listing["currency"])
    price = format_currency(amount, listing["currency"], locale="en")
    _facts(console, listing["title"], {"price": price, **{name: listing[name] for name in names}})
    events = _table("History", "when", "what")
    page = await client.get("/v1/activity", listing_id=str(id), limit=200)
    for event in reversed(page["items"]):
        events.add_row(_time(event["created_at"]), event["type"].replace("_", " ").lower())
    console.print(events)


def _process(kind: str) -> Callable[[AsyncSouk, UUID, Console], Awaitable[None]]:
    async def show(client: AsyncSouk, id: UUID, console: Console) -> None:
        found: Json = await client.get(f"/v1/operations/processes/{kind}/{id}")
        _facts(console, f"{kind} {id}", found["projection"])
        story = _table("History", "when", "what")
        for step in found["story"]:
            story.add_row(_time(step["at"]), Text(step["what"]))
        console.print(story)
        workflow = found["workflow"]
        names = ("status", "state", "events", "link")
        _facts(console, "Workflow", {name: workflow[name] for name in names})
        for difference in found["differences"]:
            console.print(f"They differ: {difference}", style="red", highlight=False)

    return show


SHOWN: dict[str, Callable[[AsyncSouk, UUID, Console], Awaitable[None]]] = {
    "store": show_store,
    "listing": show_listing,
    "order": _process("order"),
    "negotiation": _process("negotiation"),
}
