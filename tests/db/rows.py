"""Plain rows for the tests of constraints: written as the schema's owner and never committed."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from db.platform.ids import new_id


@dataclass
class Rows:
    """Inserts rows with sensible defaults into one open transaction."""

    connection: psycopg.Connection
    now: Any = None
    ids: dict[str, UUID] = field(default_factory=dict)

    def __post_init__(self) -> None:
        row = self.connection.execute("SELECT now()").fetchone()
        assert row is not None
        self.now = row[0]

    def insert(self, table: str, **values: Any) -> None:
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        )
        self.connection.execute(statement, list(values.values()))

    def run(self, statement: str, *values: Any) -> None:
        self.connection.execute(statement, values)

    def refused(self, constraint: str, table: str, **values: Any) -> None:
        """The row is refused by this very constraint, and the transaction goes on."""
        with pytest.raises(psycopg.errors.IntegrityError) as caught, self.connection.transaction():
            self.insert(table, **values)
        assert caught.value.diag.constraint_name == constraint

    def change_refused(self, constraint: str, statement: str, *values: Any) -> None:
        with pytest.raises(psycopg.errors.IntegrityError) as caught, self.connection.transaction():
            self.run(statement, *values)
        assert caught.value.diag.constraint_name == constraint

    def agent(self, kind: str = "CUSTOMER") -> UUID:
        key = new_id()
        self.insert("agents", agent_id=key, agent_type=kind, handle=f"r-{key}", display_name="An agent")
        return key

    def store(self, *, hero_only: bool = False) -> UUID:
        key = new_id()
        self.insert("stores", **self.store_values(self.agent("MERCHANT")), store_id=key, hero_only=hero_only)
        return key

    @staticmethod
    def store_values(owner: UUID) -> dict[str, Any]:
        return {"owner_merchant_id": owner, "name": "S", "return_policy_text": "R", "shipping_policy_text": "P"}

    def product(self, store: UUID) -> UUID:
        key = new_id()
        self.insert("products", product_id=key, store_id=store, title="T", description="D")
        return key

    def listing_values(self, store: UUID, **changes: Any) -> dict[str, Any]:
        values = {
            "listing_id": new_id(),
            "store_id": store,
            "product_id": changes.get("product_id") or self.product(store),
            "price_cents": 1_000,
            "inventory_on_hand": 5,
        }
        return values | changes

    def listing(self, store: UUID, **changes: Any) -> UUID:
        values = self.listing_values(store, **changes)
        self.insert("listings", **values)
        return values["listing_id"]

    def thread_values(self, author: UUID, **changes: Any) -> dict[str, Any]:
        return {"thread_id": new_id(), "type": "GENERAL", "title": "T", "created_by_agent_id": author} | changes

    def message(self, author: UUID) -> tuple[UUID, UUID]:
        """A thread of its own and a message in it."""
        thread, message = self.thread_values(author), new_id()
        self.insert("threads", **thread)
        self.insert(
            "messages", message_id=message, thread_id=thread["thread_id"], author_agent_id=author, body="A message"
        )
        return thread["thread_id"], message

    def negotiation_values(self, listing: UUID, store: UUID, buyer: UUID, **changes: Any) -> dict[str, Any]:
        return {
            "negotiation_id": new_id(),
            "listing_id": listing,
            "seller_store_id": store,
            "buyer_customer_id": buyer,
        } | changes

    def negotiation(self, listing: UUID, store: UUID, buyer: UUID, **changes: Any) -> UUID:
        values = self.negotiation_values(listing, store, buyer, **changes)
        self.insert("negotiations", **values)
        return values["negotiation_id"]

    def offer_values(
        self, negotiation: UUID, listing: UUID, store: UUID, buyer: UUID, **changes: Any
    ) -> dict[str, Any]:
        return {
            "offer_id": new_id(),
            "negotiation_id": negotiation,
            "listing_id": listing,
            "seller_store_id": store,
            "buyer_customer_id": buyer,
            "proposed_price_cents": 800,
            "list_price_cents": 1_000,
            "round": 1,
            "proposed_by": "BUYER",
        } | changes

    def accepted_offer(self, listing: UUID, store: UUID, buyer: UUID) -> UUID:
        negotiation = self.negotiation(listing, store, buyer, status="ACCEPTED")
        values = self.offer_values(
            negotiation, listing, store, buyer, status="ACCEPTED", accepted_at=self.now, purchase_by=self.now
        )
        self.insert("offers", **values)
        return values["offer_id"]

    def evidence_values(self, customer: UUID, listing: UUID, **changes: Any) -> dict[str, Any]:
        return {
            "evidence_id": new_id(),
            "customer_id": customer,
            "listing_id": listing,
            "type": "QUESTION_POSTED",
        } | changes

    def order_values(self, listing: UUID, store: UUID, buyer: UUID, **changes: Any) -> dict[str, Any]:
        return {
            "order_id": new_id(),
            "buyer_customer_id": buyer,
            "store_id": store,
            "listing_id": listing,
            "quantity": 1,
            "unit_price_cents": 1_000,
            "total_price_cents": 1_000,
        } | changes

    def order(self, listing: UUID, store: UUID, buyer: UUID, **changes: Any) -> UUID:
        values = self.order_values(listing, store, buyer, **changes)
        self.insert("orders", **values)
        return values["order_id"]

    def review_values(self, order: UUID, author: UUID, **changes: Any) -> dict[str, Any]:
        return {
            "review_id": new_id(),
            "order_id": order,
            "author_customer_id": author,
            "rating": 5,
            "body": "Fine",
            "message_id": changes.get("message_id") or self.message(author)[1],
        } | changes
