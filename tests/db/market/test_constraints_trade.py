"""What the database refuses of negotiations, offers, evidence, orders, stock, reviews and trust."""

from uuid import UUID

import pytest

from db.platform.ids import new_id
from tests.db.rows import Rows

Place = tuple[UUID, UUID, UUID]


def test_only_customers_buy(rows: Rows, place: Place) -> None:
    listing, store, buyer = place
    merchant = rows.agent("MERCHANT")
    rows.refused("negotiations_buyer_is_customer", "negotiations", **rows.negotiation_values(listing, store, merchant))
    negotiation = rows.negotiation(listing, store, buyer)
    rows.refused("offers_buyer_is_customer", "offers", **rows.offer_values(negotiation, listing, store, merchant))
    rows.insert("interaction_evidence", **rows.evidence_values(merchant, listing))
    rows.refused("orders_buyer_is_customer", "orders", **rows.order_values(listing, store, merchant))
    rows.change_refused(
        "negotiations_buyer_is_customer",
        "UPDATE negotiations SET buyer_customer_id = %s WHERE negotiation_id = %s",
        merchant,
        negotiation,
    )


def test_the_seller_is_the_listings_store(rows: Rows, place: Place) -> None:
    listing, store, buyer = place
    foreign = rows.store()
    rows.refused("negotiations_listing_of_store_fk", "negotiations", **rows.negotiation_values(listing, foreign, buyer))
    negotiation = rows.negotiation(listing, store, buyer)
    rows.refused("offers_listing_of_store_fk", "offers", **rows.offer_values(negotiation, listing, foreign, buyer))
    rows.refused("orders_listing_of_store_fk", "orders", **rows.order_values(listing, foreign, buyer))


def test_one_open_negotiation_per_buyer_and_listing(rows: Rows, place: Place) -> None:
    listing, store, buyer = place
    first = rows.negotiation(listing, store, buyer)
    again = rows.negotiation_values(listing, store, buyer)
    rows.refused("one_open_negotiation_per_buyer_and_listing", "negotiations", **again)
    rows.negotiation(listing, store, rows.agent())
    rows.run("UPDATE negotiations SET status = 'REJECTED', closed_at = now() WHERE negotiation_id = %s", first)
    rows.insert("negotiations", **again)


@pytest.mark.parametrize(
    ("constraint", "changes"),
    [
        ("negotiations_rounds_check", {"rounds": 0}),
        ("negotiations_open_while_proposed", {"closed_at": "2026-01-01T00:00:00Z"}),
    ],
)
def test_a_negotiation_holds_sound_values(
    rows: Rows, place: Place, constraint: str, changes: dict[str, object]
) -> None:
    rows.refused(constraint, "negotiations", **rows.negotiation_values(*place, **changes))


@pytest.mark.parametrize(
    ("constraint", "changes"),
    [
        ("offers_proposed_price_cents_check", {"proposed_price_cents": -1}),
        ("offers_list_price_cents_check", {"list_price_cents": -1}),
        ("offers_quantity_check", {"quantity": 0}),
        ("offers_round_check", {"round": 0}),
        ("offer_expires_future", {"created_at": "2026-01-01T00:00:00Z", "expires_at": "2026-01-01T00:00:00Z"}),
        ("offers_accepted_has_time", {"status": "ACCEPTED", "accepted_at": "2026-01-01T00:00:00Z"}),
        ("offers_accepted_has_time", {"status": "ACCEPTED", "purchase_by": "2026-01-01T00:00:00Z"}),
        ("offers_rejected_has_time", {"status": "REJECTED"}),
    ],
)
def test_an_offer_holds_sound_values(rows: Rows, place: Place, constraint: str, changes: dict[str, object]) -> None:
    rows.refused(constraint, "offers", **rows.offer_values(rows.negotiation(*place), *place, **changes))


def test_one_standing_offer_one_round_one_acceptance(rows: Rows, place: Place) -> None:
    negotiation = rows.negotiation(*place)
    rows.insert("offers", **rows.offer_values(negotiation, *place))
    rows.refused("one_standing_offer_per_negotiation", "offers", **rows.offer_values(negotiation, *place, round=2))
    rows.refused("offers_round_key", "offers", **rows.offer_values(negotiation, *place, status="CANCELLED", round=1))
    accepted = {"status": "ACCEPTED", "accepted_at": rows.now, "purchase_by": rows.now}
    rows.insert("offers", **rows.offer_values(negotiation, *place, round=3, **accepted))
    rows.refused(
        "one_accepted_offer_per_negotiation",
        "offers",
        **rows.offer_values(negotiation, *place, round=4, **accepted),
    )


def test_evidence_is_unique_per_customer_listing_and_kind(rows: Rows, place: Place) -> None:
    listing, _, buyer = place
    rows.refused("interaction_evidence_unique", "interaction_evidence", **rows.evidence_values(buyer, listing))
    rows.insert("interaction_evidence", **rows.evidence_values(buyer, listing, type="OFFER_MADE"))


def test_an_order_needs_evidence_older_than_itself(rows: Rows, place: Place) -> None:
    listing, store, buyer = place
    stranger, late = rows.agent(), rows.agent()
    rows.refused("orders_have_gating_evidence", "orders", **rows.order_values(listing, store, stranger))
    other = rows.listing(store)
    rows.refused("orders_have_gating_evidence", "orders", **rows.order_values(other, store, buyer))
    rows.insert("interaction_evidence", **rows.evidence_values(late, listing, created_at="2100-01-01T00:00:00Z"))
    rows.refused("orders_have_gating_evidence", "orders", **rows.order_values(listing, store, late))
    rows.order(listing, store, buyer)


@pytest.mark.parametrize(
    ("constraint", "changes"),
    [
        ("orders_total_is_unit_times_quantity", {"total_price_cents": 999}),
        ("orders_total_is_unit_times_quantity", {"quantity": 2}),
        ("orders_quantity_check", {"quantity": 0, "total_price_cents": 0}),
        ("orders_delivered_has_time", {"status": "DELIVERED"}),
        ("orders_refunded_has_reason", {"status": "REFUNDED", "refunded_at": "2026-01-01T00:00:00Z"}),
        ("orders_refunded_has_reason", {"refunded_at": "2026-01-01T00:00:00Z", "refund_reason": "GRANTED"}),
    ],
)
def test_an_order_holds_sound_values(rows: Rows, place: Place, constraint: str, changes: dict[str, object]) -> None:
    rows.refused(constraint, "orders", **rows.order_values(*place, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"unit_price_cents": 799, "total_price_cents": 799},
        {"quantity": 2, "total_price_cents": 1_600},
        {"currency": "EUR"},
    ],
)
def test_an_order_matches_its_offer(rows: Rows, place: Place, changes: dict[str, object]) -> None:
    offer = rows.accepted_offer(*place)
    values = {"source_offer_id": offer, "unit_price_cents": 800, "total_price_cents": 800}
    rows.refused("orders_match_their_offer", "orders", **rows.order_values(*place, **values | changes))
    rows.order(*place, **values)
    rows.refused("orders_source_offer_key", "orders", **rows.order_values(*place, **values))


def test_an_order_is_for_the_offers_buyer_and_only_once_accepted(rows: Rows, place: Place) -> None:
    listing, store, _ = place
    other = rows.agent()
    rows.insert("interaction_evidence", **rows.evidence_values(other, listing))
    values = {"unit_price_cents": 800, "total_price_cents": 800}
    offer = rows.accepted_offer(*place)
    rows.refused(
        "orders_match_their_offer",
        "orders",
        **rows.order_values(listing, store, other, source_offer_id=offer, **values),
    )
    standing = rows.offer_values(rows.negotiation(*place), *place)
    rows.insert("offers", **standing)
    rows.refused(
        "orders_match_their_offer",
        "orders",
        **rows.order_values(*place, source_offer_id=standing["offer_id"], **values),
    )


def test_a_review_needs_a_delivered_order_of_its_author(rows: Rows, place: Place) -> None:
    buyer = place[2]
    placed = rows.order(*place)
    rows.refused("reviews_on_delivered_orders", "reviews", **rows.review_values(placed, buyer))
    refunded = rows.order(
        *place, status="REFUNDED", delivered_at=rows.now, refunded_at=rows.now, refund_reason="GRANTED"
    )
    rows.refused("reviews_on_delivered_orders", "reviews", **rows.review_values(refunded, buyer))
    delivered = rows.order(*place, status="DELIVERED", delivered_at=rows.now)
    rows.refused("reviews_on_delivered_orders", "reviews", **rows.review_values(delivered, rows.agent()))
    for stars in (0, 6):
        rows.refused("reviews_rating_check", "reviews", **rows.review_values(delivered, buyer, rating=stars))
        rows.refused(
            "reviews_as_described_check", "reviews", **rows.review_values(delivered, buyer, as_described=stars)
        )
    rows.insert("reviews", **rows.review_values(delivered, buyer))
    rows.refused("reviews_order_id_key", "reviews", **rows.review_values(delivered, buyer))


def test_stock_rows_are_sound(rows: Rows, place: Place) -> None:
    listing = place[0]
    movement = {"listing_id": listing, "delta": 0}
    rows.insert("stock_movements", movement_id=new_id(), reason="INITIAL", **movement)
    rows.refused(
        "one_initial_movement_per_listing", "stock_movements", movement_id=new_id(), reason="INITIAL", **movement
    )
    rows.refused("stock_movements_check", "stock_movements", movement_id=new_id(), reason="ADJUSTED", **movement)
    hold = {"offer_id": rows.accepted_offer(*place), "listing_id": listing, "expires_at": rows.now}
    rows.refused("stock_holds_quantity_check", "stock_holds", quantity=0, **hold)
    rows.refused("stock_holds_release_has_time", "stock_holds", quantity=1, release="SPENT", **hold)
    rows.insert("stock_holds", quantity=1, **hold)
    rows.refused("stock_holds_pkey", "stock_holds", quantity=1, **hold)


def test_trust_rows_are_sound(rows: Rows, place: Place) -> None:
    store = place[1]
    fact = {"fact_id": new_id(), "store_id": store, "source_event_id": new_id(), "reason": "REVIEW_POSTED"}
    rows.insert("trust_facts", **fact)
    rows.refused("trust_facts_source_key", "trust_facts", **fact | {"fact_id": new_id()})
    event = {
        "store_id": store,
        "reason": "REVIEW_POSTED",
        "delta_overall": 0,
        "sequence": 1,
        "fold": 1,
        "fact_id": fact["fact_id"],
        "source_event_id": fact["source_event_id"],
        "component": "claim",
        "delta_r": 0,
        "delta_s": 2_000,
        "formula_version": 1,
        "inputs": "{}",
    } | dict.fromkeys(
        ("component_before_milli", "component_after_milli", "overall_before_milli", "overall_after_milli"), 0
    )
    rows.insert("trust_events", trust_event_id=new_id(), **event)
    rows.refused("trust_events_source_key", "trust_events", trust_event_id=new_id(), **event | {"sequence": 2})
    other = event | {"component": "product"}
    rows.refused("trust_events_sequence_key", "trust_events", trust_event_id=new_id(), **other)
    unfounded = other | {"sequence": 2, "source_event_id": new_id()}
    rows.refused("trust_events_source_is_fact_fk", "trust_events", trust_event_id=new_id(), **unfounded)
    of_order = other | {"sequence": 2, "linked_order_id": rows.order(*place)}
    rows.refused("trust_events_order_of_review", "trust_events", trust_event_id=new_id(), **of_order)
    scores = {f"{name}_score": 50 for name in ("overall", "product_satisfaction", "claim_accuracy")}
    scores |= {f"{name}_score": 50 for name in ("support_responsiveness", "policy_clarity")}
    profile = {"store_id": store, "decay_due_at": rows.now, **scores}
    rows.refused("trust_profiles_evidence_positive", "trust_profiles", evidence_s=[0, -1, 0, 0], **profile)
    rows.refused("trust_profiles_evidence_shape", "trust_profiles", evidence_r=[0, 0, 0], **profile)
    rows.insert("trust_profiles", **profile)
