"""Reminders: who is told, once, before the date and never after it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market.negotiation import NegotiationState, OfferView
from domain.market.reminders import decide_offer_reminder, next_date, next_offer_date, reminder_date
from domain.market.states import InboxType, OfferStatus, Party

T0 = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def state(by: Party, status: OfferStatus = OfferStatus.PROPOSED, **more: object) -> NegotiationState:
    offer = OfferView(UUID(int=1), 1, by, 900, 1, status, T0 + 48 * HOUR, 1_000, remind_at=T0 + 36 * HOUR)
    return NegotiationState(UUID(int=2), UUID(int=3), (replace(offer, **more),))


@given(st.timedeltas(timedelta(seconds=1), timedelta(days=400)), st.floats(0.01, 0.99))
def test_a_reminder_lies_between_start_and_date(length: timedelta, share: float) -> None:
    assert T0 < reminder_date(T0, T0 + length, share) < T0 + length


@pytest.mark.parametrize("by", Party)
def test_who_owes_the_answer_is_reminded(by: Party) -> None:
    assert decide_offer_reminder(state(by), T0 + 35 * HOUR) is None
    reminder = decide_offer_reminder(state(by), T0 + 36 * HOUR)
    assert reminder is not None
    assert (reminder.party, reminder.type) == (by.other, InboxType.OFFER_EXPIRING_SOON)
    assert reminder.due_at == T0 + 48 * HOUR
    assert decide_offer_reminder(state(by), T0 + 48 * HOUR) is None
    assert decide_offer_reminder(state(by, remind_at=None), T0 + 40 * HOUR) is None


@pytest.mark.parametrize("by", Party)
def test_a_hold_reminds_the_buyer_whoever_proposed(by: Party) -> None:
    held = state(by, OfferStatus.ACCEPTED, purchase_by=T0 + 40 * HOUR)
    reminder = decide_offer_reminder(held, T0 + 37 * HOUR)
    assert reminder is not None
    assert (reminder.party, reminder.type) == (Party.BUYER, InboxType.HOLD_LAPSING_SOON)
    assert reminder.due_at == T0 + 40 * HOUR
    assert decide_offer_reminder(replace(held, spent=True), T0 + 37 * HOUR) is None
    assert decide_offer_reminder(held, T0 + 40 * HOUR) is None


@pytest.mark.parametrize("status", [OfferStatus.REJECTED, OfferStatus.EXPIRED, OfferStatus.CANCELLED])
def test_what_is_over_reminds_nobody(status: OfferStatus) -> None:
    assert decide_offer_reminder(state(Party.BUYER, status), T0 + 40 * HOUR) is None
    assert next_offer_date(state(Party.BUYER, status)) is None


def test_the_next_date_is_the_reminder_until_it_was_given() -> None:
    assert next_offer_date(state(Party.BUYER)) == T0 + 36 * HOUR
    assert next_offer_date(state(Party.BUYER, remind_at=None)) == T0 + 48 * HOUR
    held = state(Party.BUYER, OfferStatus.ACCEPTED, purchase_by=T0 + 40 * HOUR)
    assert next_offer_date(held) == T0 + 36 * HOUR
    assert next_offer_date(replace(held, spent=True)) is None
    assert next_date(None, None) is None
