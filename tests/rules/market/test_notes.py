"""A public note never holds a term of its private offer, however it is written."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market.money import check_currency
from domain.market.notes import check_public_note
from domain.platform.errors import DomainError


@pytest.mark.parametrize(
    "note",
    [
        "1250",
        "for 12.50!",
        "12,50 €",
        "1,250 cents",
        "1 250",
        "٣ pieces of 12.5",
        "3 of them",
        "３",
        "12 it is",
        "$37.50",
    ],
)
def test_notes_with_terms_are_refused(note: str):
    with pytest.raises(DomainError, match="terms"):
        check_public_note(note, [1_250], 3)


@pytest.mark.parametrize("note", [None, "", "We shook hands.", "Since 1911, room 7", "10,000 thanks"])
def test_other_notes_pass(note: str | None):
    check_public_note(note, [1_250], 3)


@given(st.integers(1, 10**8), st.integers(1, 1_000), st.text(alphabet="abc XYZ.!", max_size=10))
def test_every_price_is_found_in_any_spelling(price: int, quantity: int, around: str):
    for written in (str(price), f"{price:,}", f"{price / 100:.2f}", f"{price / 100:,.2f}", str(price * quantity)):
        with pytest.raises(DomainError):
            check_public_note(f"a {around} a{written}b {around}", [price], quantity)


@given(st.text(max_size=200))
def test_any_text_gets_an_answer(note: str):
    with suppress(DomainError):
        check_public_note(note, [123_456_789], 987_654)


def test_currencies_are_iso():
    check_currency("MKD")
    for wrong in ("XXX", "usd", "", "US"):
        with pytest.raises(DomainError):
            check_currency(wrong)
