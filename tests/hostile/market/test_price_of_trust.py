"""What it takes to buy a store's way up, or another's down: computed here, printed in docs/trust.md.

Every reason that moves trust, every piece of code that writes a fact and every route that leads there has a row below:
a new one without a row fails. Bought customers are distinct agents with one paid and delivered order of full weight.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from domain.market.trust import TrustState, overall_score
from tests.hostile.test_access_matrix import TABLE as ROUTES
from tests.rules.market.histories import C, Fact, R, broken, misled, policy, refund, resolved, review, score, tell
from tests.rules.market.test_trust import bought

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
DAY_MS = 86_400_000


def _answered(k: int) -> Fact:
    return R.MERCHANT_REPLIED_IN_THREAD, {"latency_ms": 0, "deadline_ms": DAY_MS, "earlier_questions": k}


def _cycled(k: int) -> list[Fact]:
    return [review(5, k, told=5), refund()]


@dataclass(frozen=True, slots=True)
class Price:
    """One way to move trust. ``fact``: the (k+1)-th of one customer; ``asks``: what each customer must have done."""

    reason: R
    way: str
    component: C
    asks: str
    fact: Callable[[int], Fact | list[Fact]]
    shared: bool = False
    """All customers are counted as one."""

    def told(self, counts: Iterable[int]) -> TrustState:
        facts: list[Fact] = []
        for k in counts:
            made = self.fact(k)
            facts += made if isinstance(made, list) else [made]
        return tell(facts)[0]

    def row(self) -> str:
        """As the document prints it: evidence in thousandths of a unit, points of the component cut to one decimal."""
        first, most = self.told(range(1)), self.told(range(200))
        reached = next((n for n in range(1, 200) if self._is_far(n)), None)
        return (
            f"| `{self.reason}` | {self.way} | {self.component} | {self.asks} | {self._evidence(first)} |"
            f" {self._evidence(most)} | {score(most, self.component) // 100 / 10:g} |"
            f" {reached or 'not to be had'} |"
        )

    def _is_far(self, customers: int) -> bool:
        """Whether so many customers, each for the first time, bring the component from 50 to 80 points or to 20."""
        state = self.told(range(customers) if self.shared else [0] * customers)
        return not 20_000 < score(state, self.component) < 80_000

    def _evidence(self, state: TrustState) -> str:
        held = state.evidence[self.component]
        return f"+{held.r}" if held.r else f"−{held.s}" if held.s else "0"


PRICES = [
    Price(R.REVIEW_POSTED, "five stars", C.PRODUCT, "a paid, delivered order", lambda k: review(5, k)),
    Price(R.REVIEW_POSTED, "one star", C.PRODUCT, "a paid, delivered order", lambda k: review(1, k)),
    Price(R.REVIEW_POSTED, "one star, unpaid", C.PRODUCT, "a delivered order", lambda k: review(1, k, paid=False)),
    Price(R.REVIEW_POSTED, "as described", C.CLAIM, "a paid, delivered order", lambda k: review(5, k, told=5)),
    Price(R.REVIEW_POSTED, "as described, unpaid", C.CLAIM, "a delivered order",
          lambda k: review(5, k, told=5, paid=False)),
    Price(R.ORDER_REFUNDED, "bought, praised, paid back", C.PRODUCT, "an order", _cycled),
    Price(R.OFFER_HONORED, "honored", C.CLAIM, "an accepted offer, paid and delivered",
          lambda k: (R.OFFER_HONORED, {"earlier_honored": k})),
    Price(R.OFFER_BROKEN, "order not kept", C.CLAIM, "a paid order", broken),
    Price(R.OFFER_BROKEN, "order not kept, unpaid", C.CLAIM, "an order", lambda k: broken(k, paid=False)),
    Price(R.OFFER_BROKEN, "order not kept, unpaid, buyer known", C.CLAIM,
          "an order, and two paid, delivered and kept with others", lambda k: broken(k, paid=False, record=2)),
    Price(R.OFFER_BROKEN, "accepted offer not kept", C.CLAIM, "an offer", lambda _: broken(0, paid=False)),
    Price(R.PRODUCT_COPY_UPDATED, "challenge resolved", C.CLAIM, "a paid order, a question; an edit each", resolved),
    Price(R.PRODUCT_COPY_UPDATED, "challenges resolved by one edit", C.CLAIM, "a paid order, a question",
          lambda k: resolved(0, k), shared=True),
    Price(R.PRODUCT_COPY_UPDATED, "copy changed under orders", C.CLAIM, "a paid order; an edit by the store",
          lambda k: misled(R.PRODUCT_COPY_UPDATED, k)),
    Price(R.PRODUCT_COPY_UPDATED, "copy changed under unpaid orders", C.CLAIM, "an order; an edit by the store",
          lambda _: misled(R.PRODUCT_COPY_UPDATED, paid=False)),
    Price(R.PRICE_UPDATED, "price raised under orders", C.CLAIM, "a paid order; a raise by the store",
          lambda k: misled(R.PRICE_UPDATED, k)),
    Price(R.PRICE_UPDATED, "price raised under unpaid orders", C.CLAIM, "an order or offer; a raise by the store",
          lambda _: misled(R.PRICE_UPDATED, paid=False)),
    Price(R.MERCHANT_REPLIED_IN_THREAD, "answered at once", C.SUPPORT, "a question", _answered),
    Price(R.REPLY_MISSED, "never answered", C.SUPPORT, "a question, a day of silence",
          lambda k: (R.REPLY_MISSED, {"earlier_questions": k})),
    Price(R.POLICY_UPDATED, "four clear texts", C.POLICY, "nothing: its own texts", lambda _: policy(True)),
    Price(R.TIME_DECAY, "time", C.PRODUCT, "30 days", lambda _: (R.TIME_DECAY, {})),
]  # fmt: skip


@pytest.mark.parametrize("price", PRICES, ids=lambda price: f"{price.reason} {price.way}")
def test_every_way_to_move_trust_has_its_price_in_the_document(price: Price) -> None:
    assert price.row() in DOCUMENT, price.row()


def test_every_reason_has_a_price() -> None:
    assert {price.reason for price in PRICES} == set(R)


# --- what writes facts ---------------------------------------------------------------------------------

_DELIVERY = ("POST /v1/orders/{order_id}/deliver", "POST /v1/orders")
_PAYMENT = ("POST /v1/orders/{order_id}/payment", "POST /checkout-sessions/{checkout_id}/complete")
_REFUND = (
    "POST /v1/orders/{order_id}/decline",
    "POST /v1/orders/{order_id}/cancel", "POST /v1/orders/{order_id}/refund-decision",
    "POST /v1/operations/orders/{order_id}/cancel", "POST /v1/operations/orders/{order_id}/refund",
    "POST /v1/operations/orders/{order_id}/appeal-decision",
)  # fmt: skip
# Who writes a fact: its reasons, and the routes that lead there. A process's own date needs no route.
PRODUCERS: dict[str, tuple[set[R], tuple[str, ...]]] = {
    "db.market.order_facts.insert_honored": ({R.OFFER_HONORED}, (*_DELIVERY, *_PAYMENT)),
    "db.market.order_facts.insert_broken": ({R.OFFER_BROKEN}, ("POST /v1/orders/{order_id}/decline",)),
    "db.market.order_facts.insert_review_fact": (
        {R.REVIEW_POSTED}, ("POST /v1/reviews", "POST /v1/orders/{order_id}/refund-decision"),
    ),
    "db.market.order_facts.insert_reversals": ({R.ORDER_REFUNDED}, _REFUND),
    "activities.market.negotiation_case.close": ({R.OFFER_BROKEN},
        ("POST /v1/offers/{offer_id}/withdraw", "PUT /v1/stores/{store_id}/blocks/{agent_id}")),
    "activities.market.trust._look_at_questions": ({R.REPLY_MISSED}, ("POST /v1/threads/{thread_id}/messages",)),
    "activities.market.trust._decay": ({R.TIME_DECAY}, ()),
    "db.market.products._copy_facts": ({R.PRODUCT_COPY_UPDATED}, ("PATCH /v1/products/{product_id}",)),
    "db.market.listings.update_price": ({R.PRICE_UPDATED}, ("PATCH /v1/listings/{listing_id}/price",)),
    "db.market.questions.answer": ({R.MERCHANT_REPLIED_IN_THREAD}, ("POST /v1/threads/{thread_id}/messages",)),
    "db.market.stores._policy_fact": (
        {R.POLICY_UPDATED}, ("POST /v1/stores", "PATCH /v1/stores/{store_id}/policies"),
    ),
}  # fmt: skip
# Writing routes that lead to no fact: they talk, show, count or keep house. /mcp is a door to all the others.
WITHOUT = {
    "POST /v1/agents", "POST /v1/agents/me/keys", "DELETE /v1/agents/me/keys/{key_id}", "PUT /v1/agents/me/limits",
    "PATCH /v1/stores/{store_id}", "PUT /v1/stores/{store_id}/price-list", "POST /v1/products", "POST /v1/listings",
    "PATCH /v1/listings/{listing_id}/inventory", "PATCH /v1/listings/{listing_id}/status",
    "PUT /v1/listings/{listing_id}/limits", "POST /v1/threads", "POST /v1/offer-references", "POST /v1/offers",
    "POST /v1/offers/{offer_id}/counter", "POST /v1/offers/{offer_id}/accept", "POST /v1/offers/{offer_id}/reject",
    "POST /v1/orders/{order_id}/appeal", "POST /v1/orders/{order_id}/refund-request",
    "POST /v1/webhooks", "POST /v1/webhooks/{webhook_id}/rotate-secret",
    "POST /v1/webhooks/{webhook_id}/test", "POST /v1/webhooks/{webhook_id}/replay", "PATCH /v1/webhooks/{webhook_id}",
    "DELETE /v1/webhooks/{webhook_id}", "POST /catalog/search", "POST /catalog/lookup", "POST /catalog/product",
    "POST /carts", "PUT /carts/{cart_id}", "POST /carts/{cart_id}/cancel", "POST /checkout-sessions",
    "PUT /checkout-sessions/{checkout_id}", "POST /checkout-sessions/{checkout_id}/cancel",
    "POST /v1/operations/expire-offers", "POST /v1/operations/audit", "POST /v1/operations/stores/{store_id}/close",
    "POST /v1/operations/keys/{key_id}/revoke", "POST /v1/operations/stores/{store_id}/nudge-trust",
    "POST /v1/operations/processes/{kind}/{id}/wake", "POST /v1/operations/terms/{id}/reveal",
    "POST /v1/operations/messages/{message_id}/hide",
    "POST /v1/operations/messages/{message_id}/show",
    "DELETE /v1/stores/{store_id}/blocks/{agent_id}",
    "POST /v1/operators/session", "POST /codec/encode", "POST /codec/decode", "POST /mcp", "DELETE /mcp", "POST /a2a",
}  # fmt: skip
_CODE = ("activities", "api", "config", "db", "domain", "souk", "worker", "workflows")
# The bench makes the past of a store, in a database of its own.
_OUTSIDE_THE_MARKET = {"souk.bench.trust"}


def _modules() -> Iterator[tuple[str, str]]:
    for folder in _CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if name not in _OUTSIDE_THE_MARKET:
                yield name, path.read_text(encoding="utf-8")


def _callers(tree: ast.AST, called: str) -> Iterator[str]:
    """Names of the functions that call it."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                name = (
                    getattr(node.func, "attr", getattr(node.func, "id", None)) if isinstance(node, ast.Call) else None
                )
                if name == called:
                    yield function.name


def test_whatever_writes_a_fact_has_a_row() -> None:
    found = {f"{name}.{caller}" for name, source in _modules() for caller in _callers(ast.parse(source), "insert_fact")}
    assert found == set(PRODUCERS)
    assert {reason for reasons, _ in PRODUCERS.values() for reason in reasons} == set(R)


def test_facts_are_written_in_one_place() -> None:
    direct = re.compile(r"INSERT INTO trust_facts|(?:insert|add)\w*\(\s*\w*,?\s*TrustFact\b|TrustFact\(\w+=")
    assert {name for name, source in _modules() if direct.search(source)} == {"db.market.trust"}
    sql = (ROOT / "db" / "migrations" / "sql").rglob("*.sql")
    assert not [path.name for path in sql if "INSERT INTO trust_" in path.read_text("utf-8").replace("trust_seal", "")]


def test_every_writing_route_says_whether_it_makes_evidence() -> None:
    makes = {route for _, routes in PRODUCERS.values() for route in routes}
    writes = {route for route in ROUTES if not route.startswith("GET ")}
    assert not makes & WITHOUT
    assert makes | WITHOUT == writes


# --- buying a store's way up ---------------------------------------------------------------------------


def overall(buyers: int, *, asking: bool) -> int:
    """The overall score, in milli-points, of a store with so many bought customers."""
    facts: list[Fact] = [policy(True)]
    for _ in range(buyers):
        facts.append(review(5, told=5))
        if asking:
            facts.append(_answered(0))
    return overall_score(tell(facts)[0])


def buyers_for(points: int, *, asking: bool) -> int | None:
    """The fewest buyers, each with one paid and delivered order; None when no number is enough."""
    found = (buyers for buyers in range(1, 200) if overall(buyers, asking=asking) >= points * 1_000)
    return next(found, None)


def test_the_price_in_the_document_is_the_formulas() -> None:
    rows = [
        ("product 80", next(n for n in range(1, 99) if score(bought(n), C.PRODUCT) >= 80_000)),
        ("product 90", next(n for n in range(1, 99) if score(bought(n), C.PRODUCT) >= 90_000)),
        ("overall 80, reviews alone", buyers_for(80, asking=False)),
        ("overall 90, reviews alone", buyers_for(90, asking=False)),
        ("overall 80, with a question each", buyers_for(80, asking=True)),
        ("overall 90, with a question each", buyers_for(90, asking=True)),
    ]
    for what, buyers in rows:
        price = f"{buyers} buyers, {buyers} orders" if buyers else "not to be had"
        assert f"| {what} | {price} |" in DOCUMENT, (what, price)


def test_one_buyer_cannot_pay_its_way_up() -> None:
    """Fifty orders of one agent reach neither."""
    facts = [policy(True), *(review(5, earlier=number, told=5) for number in range(50))]
    assert overall_score(tell(facts)[0]) < 80_000


def test_who_pays_nothing_moves_a_store_by_less_than_two_points() -> None:
    """However many they are and whatever they say, up or down; known buyers move claim accuracy by less than six."""
    for stars in (1, 5):
        strangers = [
            review(stars, told=stars, paid=False),
            broken(paid=False),
            misled(R.PRICE_UPDATED, paid=False),
        ] * 50
        state, _ = tell(strangers)
        assert abs(overall_score(state) - 50_000) < 1_000
        assert all(abs(score(state, component) - 50_000) < 2_000 for component in C)
    known, _ = tell([broken(paid=False, record=2)] * 50)
    assert score(known, C.CLAIM) > 44_000
