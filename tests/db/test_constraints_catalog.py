"""What the database refuses of agents, stores, listings, threads, limits and the platform's own rows."""

from uuid import UUID

import pytest

from db.platform.ids import new_id
from tests.db.rows import Rows

Place = tuple[UUID, UUID, UUID]


def test_an_agents_type_never_changes(rows: Rows) -> None:
    agent = rows.agent()
    rows.change_refused("agents_type_is_fixed", "UPDATE agents SET agent_type = 'MERCHANT' WHERE agent_id = %s", agent)
    rows.run("UPDATE agents SET agent_type = 'CUSTOMER', bio = 'the same' WHERE agent_id = %s", agent)


def test_handles_are_unique(rows: Rows) -> None:
    taken = rows.agent()
    rows.refused(
        "agents_handle_key",
        "agents",
        agent_id=new_id(),
        agent_type="CUSTOMER",
        handle=f"r-{taken}",
        display_name="Another",
    )


def test_a_store_is_owned_by_a_merchant(rows: Rows) -> None:
    customer, store = rows.agent(), rows.store()
    rows.refused("stores_owner_is_merchant", "stores", store_id=new_id(), **rows.store_values(customer))
    rows.change_refused(
        "stores_owner_is_merchant", "UPDATE stores SET owner_merchant_id = %s WHERE store_id = %s", customer, store
    )


def test_a_listing_sells_a_product_of_its_own_store(rows: Rows) -> None:
    store, foreign = rows.store(), rows.product(rows.store())
    rows.refused("listings_product_of_store_fk", "listings", **rows.listing_values(store, product_id=foreign))


@pytest.mark.parametrize(
    ("constraint", "changes"),
    [
        ("listings_price_cents_check", {"price_cents": -1}),
        ("listings_inventory_on_hand_check", {"inventory_on_hand": -1}),
        ("listings_currency_is_iso", {"currency": "usd"}),
        ("listings_currency_is_iso", {"currency": "DOLLAR"}),
        ("listings_promised_delivery_seconds_check", {"promised_delivery_seconds": 0}),
        ("listings_hero_of_store_fk", {"hero_only": True}),
    ],
)
def test_a_listing_holds_sound_values(rows: Rows, constraint: str, changes: dict[str, object]) -> None:
    rows.refused(constraint, "listings", **rows.listing_values(rows.store(), **changes))


def test_a_hero_store_shows_one_active_listing(rows: Rows) -> None:
    store = rows.store(hero_only=True)
    rows.listing(store, hero_only=True)
    other = rows.listing(store, hero_only=True, status="PAUSED")
    rows.refused("one_active_listing_per_store", "listings", **rows.listing_values(store, hero_only=True))
    rows.change_refused(
        "one_active_listing_per_store", "UPDATE listings SET status = 'ACTIVE' WHERE listing_id = %s", other
    )


def test_choosing_the_hero_rule_reaches_every_listing(rows: Rows) -> None:
    """A store with two active listings cannot choose it: the choice cascades to the listings."""
    store = rows.store()
    rows.listing(store)
    second = rows.listing(store)
    choose = "UPDATE stores SET hero_only = true WHERE store_id = %s"
    rows.change_refused("one_active_listing_per_store", choose, store)
    rows.run("UPDATE listings SET status = 'PAUSED' WHERE listing_id = %s", second)
    rows.run(choose, store)
    found = rows.connection.execute("SELECT bool_and(hero_only) FROM listings WHERE store_id = %s", (store,))
    assert found.fetchone() == (True,)


def test_a_threads_listing_is_its_stores(rows: Rows, place: Place) -> None:
    listing, _, buyer = place
    values = rows.thread_values(buyer, context_listing_id=listing, context_store_id=rows.store())
    rows.refused("threads_listing_of_store_fk", "threads", **values)


def test_a_listing_has_one_review_thread(rows: Rows, place: Place) -> None:
    listing, store, buyer = place
    context = {"context_listing_id": listing, "context_store_id": store}
    rows.insert("threads", **rows.thread_values(buyer, type="REVIEW", **context))
    rows.insert("threads", **rows.thread_values(buyer, **context))
    rows.refused("one_review_thread_per_listing", "threads", **rows.thread_values(buyer, type="REVIEW", **context))


@pytest.mark.parametrize(
    ("constraint", "limits"),
    [
        ("listing_limits_accept_above_floor", {"floor_cents": 500, "auto_accept_cents": 499}),
        ("listing_limits_decline_below_accept", {"auto_accept_cents": 500, "auto_decline_cents": 500}),
        ("listing_limits_floor_cents_check", {"floor_cents": -1}),
        ("listing_limits_auto_accept_cents_check", {"auto_accept_cents": -1}),
        ("listing_limits_auto_decline_cents_check", {"auto_decline_cents": -1}),
    ],
)
def test_a_merchants_limits_are_coherent(rows: Rows, place: Place, constraint: str, limits: dict[str, int]) -> None:
    rows.refused(constraint, "listing_limits", listing_id=place[0], **limits)


def test_coherent_limits_may_be_partial(rows: Rows) -> None:
    store = rows.store()
    for limits in (
        {"floor_cents": 500},
        {"auto_decline_cents": 100},
        {"floor_cents": 500, "auto_accept_cents": 500, "auto_decline_cents": 499},
    ):
        rows.insert("listing_limits", listing_id=rows.listing(store), **limits)


@pytest.mark.parametrize(
    ("constraint", "limits"),
    [
        ("agent_limits_spend_cap_cents_check", {"spend_cap_cents": -1}),
        ("agent_limits_max_open_negotiations_check", {"max_open_negotiations": -1}),
    ],
)
def test_a_customers_limits_are_not_negative(rows: Rows, constraint: str, limits: dict[str, int]) -> None:
    rows.refused(constraint, "agent_limits", agent_id=rows.agent(), **limits)


def test_one_open_question_per_customer_and_thread(rows: Rows, place: Place) -> None:
    _, store, buyer = place
    thread, message = rows.message(buyer)
    second = new_id()
    rows.insert("messages", message_id=second, thread_id=thread, author_agent_id=buyer, body="And another")
    question = {
        "thread_id": thread,
        "store_id": store,
        "customer_id": buyer,
        "asked_at": rows.now,
        "due_at": rows.now,
    }
    rows.refused(
        "support_questions_answer_has_message",
        "support_questions",
        question_message_id=message,
        answered_at=rows.now,
        **question,
    )
    rows.insert("support_questions", question_message_id=message, **question)
    rows.refused(
        "one_open_question_per_customer_and_thread", "support_questions", question_message_id=second, **question
    )


def test_an_agent_key_names_its_agent_and_an_operators_names_none(rows: Rows) -> None:
    rows.refused("api_keys_agent_iff_agent_key", "api_keys", key_id=new_id(), kind="AGENT", secret_hash=b"x")
    rows.refused(
        "api_keys_agent_iff_agent_key",
        "api_keys",
        key_id=new_id(),
        kind="OPERATOR",
        agent_id=rows.agent(),
        secret_hash=b"x",
    )


def test_an_idempotency_key_is_used_once(rows: Rows) -> None:
    scope = new_id()
    values = {"scope": scope, "key_hash": b"key", "request_hash": b"request"}
    rows.insert("idempotency_records", command_id=new_id(), **values)
    rows.refused("idempotency_records_key", "idempotency_records", command_id=new_id(), **values)
    rows.refused(
        "idempotency_records_complete",
        "idempotency_records",
        command_id=new_id(),
        completed_at=rows.now,
        **values | {"key_hash": b"other"},
    )
