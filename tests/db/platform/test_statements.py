"""Statements compiled once: what they are asked with, and rows in the types of their columns."""

from uuid import UUID

from sqlalchemy import bindparam, func, select

from db.market.tables import Listing, TrustProfile
from db.platform.statements import Query
from domain.market.states import ListingStatus

_listing = Listing.table
ID = UUID(int=7)


def test_values_that_are_part_of_a_statement_need_not_be_given() -> None:
    query = Query(
        select(_listing.c.price_cents).where(
            _listing.c.status == ListingStatus.ACTIVE, _listing.c.listing_id == bindparam("listing_id")
        )
    )
    values = query.parameters({"listing_id": ID})
    assert values.pop("listing_id") == ID
    assert list(values.values()) == ["ACTIVE"]


def test_a_row_has_its_columns_by_name_and_in_their_types() -> None:
    query = Query(select(_listing.c.status, func.now().label("moment"), TrustProfile.table.c.overall_score))
    row = query.row(("SOLD_OUT", "now", 0.5))
    assert (row.status, row.moment, row.overall_score) == (ListingStatus.SOLD_OUT, "now", 0.5)
    assert isinstance(row.status, ListingStatus)
