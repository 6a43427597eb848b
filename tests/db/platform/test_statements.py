"""Statements compiled once: what they are asked with, and rows in the types of their columns."""

from uuid import UUID

import pytest
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm.exc import DetachedInstanceError

from db.market.tables import Listing, Order, ReviewWindow, TrustProfile
from db.platform.statements import Query
from domain.market.states import ListingStatus, ReviewWindowStatus

_listing, _order, _window = Listing.__table__, Order.__table__, ReviewWindow.__table__
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
    query = Query(select(_listing.c.status, func.now().label("moment"), TrustProfile.__table__.c.overall_score))
    row = query.row(("SOLD_OUT", "now", 0.5))
    assert (row.status, row.moment, row.overall_score) == (ListingStatus.SOLD_OUT, "now", 0.5)
    assert isinstance(row.status, ListingStatus)


def test_columns_of_the_same_name_stay_apart() -> None:
    query = Query(select(_order.c.order_id, _order.c.status, _window.c.order_id, _window.c.status))
    row = query.row((ID, "PLACED", None, None))
    assert (query.part(Order, row).order_id, query.part(Order, row).status) == (ID, "PLACED")
    row = query.row((ID, "DELIVERED", ID, "OPEN"))
    assert query.part(ReviewWindow, row).status is ReviewWindowStatus.OPEN


def test_what_was_not_selected_is_not_taken_for_nothing() -> None:
    query = Query(select(_listing.c.listing_id, _listing.c.price_cents))
    listing = query.part(Listing, query.row((ID, 900)))
    assert listing.price_cents == 900
    with pytest.raises(DetachedInstanceError):
        assert listing.hero_only
