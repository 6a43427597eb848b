"""What it takes to buy a store's way to 80 and to 90 points: computed here, printed in docs/trust.md.

Every buyer is another agent with one paid and delivered order of full weight, five stars for both questions,
and, where it says so, one question that is answered at once. The checklist of policies is complete.
"""

from pathlib import Path

from domain.market.trust import overall_score
from tests.rules.test_trust import C, Fact, R, bought, policy, review, score, tell

DOCUMENT = (Path(__file__).parents[2] / "docs" / "trust.md").read_text(encoding="utf-8")


def overall(buyers: int, *, asking: bool) -> int:
    """The overall score, in milli-points, of a store with so many bought customers."""
    facts: list[Fact] = [policy(True)]
    for _ in range(buyers):
        facts.append(review(5, told=5))
        if asking:
            answered = {"latency_ms": 0, "deadline_ms": 86_400_000, "earlier_questions": 0}
            facts.append((R.MERCHANT_REPLIED_IN_THREAD, answered))
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
