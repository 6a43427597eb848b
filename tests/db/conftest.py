"""Fixtures of the database's tests."""

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest

from tests.db.rows import Rows


@pytest.fixture
def rows(owner_url: str) -> Iterator[Rows]:
    """One transaction of the owner's, rolled back at the end."""
    with psycopg.connect(owner_url) as connection:
        yield Rows(connection)
        connection.rollback()


@pytest.fixture
def place(rows: Rows) -> tuple[UUID, UUID, UUID]:
    """A listing, its store and a customer who has asked about it."""
    store = rows.store()
    listing, buyer = rows.listing(store), rows.agent()
    rows.insert("interaction_evidence", **rows.evidence_values(buyer, listing))
    return listing, store, buyer
