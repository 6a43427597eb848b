"""The crash drill names every order that was placed at another price than its buyer had agreed to."""

from typing import Any

from souk.drills.ledger import ACKNOWLEDGED, CuttableTransport, Entry, GoodClient, Ledger
from souk.drills.verdict import at_other_prices


async def test_an_order_at_another_price_is_a_breach() -> None:
    ledger = Ledger()
    buyer = GoodClient("http://souk.invalid", None, ledger, CuttableTransport(ledger))
    for number, (seen, paid) in enumerate([(900, 900), (900, 9_000_000), (None, 700)]):
        body: dict[str, Any] = {} if seen is None else {"expected_unit_price_cents": seen}
        entry = Entry("order", buyer, "POST", "/v1/orders", body, str(number), state=ACKNOWLEDGED)
        entry.answer = {"order_id": f"order-{number}", "unit_price_cents": paid}
        ledger.entries.append(entry)
    assert at_other_prices(ledger) == ["order order-1 costs 9000000, its buyer agreed to 900"]
