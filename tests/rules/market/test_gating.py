"""Gating: which messages prove an interaction, for which listings, and which are questions to answer."""

from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.market.gating import MIN_MESSAGE_CHARACTERS, Evidence, asks_support, evidence_of_message, ways_to_satisfy
from domain.market.states import InteractionType, ThreadType
from domain.platform.identity import AgentType

LISTING, STORE = UUID(int=1), UUID(int=2)
# Of how much other texts say, see test_texts.py.
bodies = st.text(alphabet="abc?é", max_size=60)
contexts = st.tuples(st.sampled_from([None, LISTING]), st.sampled_from([None, STORE]))


@settings(deadline=None)
@given(st.sampled_from(AgentType), bodies, st.sampled_from(ThreadType), contexts)
def test_what_a_message_proves(
    author: AgentType, body: str, thread: ThreadType, context: tuple[UUID | None, UUID | None]
):
    listing_id, store_id = context
    found = evidence_of_message(author, body, thread, listing_id, store_id)
    if author is AgentType.MERCHANT or len(body.strip()) < 20 or context == (None, None):
        assert found == []
        return
    kinds = {evidence.type for evidence in found}
    assert InteractionType.QUESTION_POSTED in kinds
    assert InteractionType.OFFER_MADE not in kinds
    takes_part = thread is ThreadType.LOOKING_FOR and listing_id is not None
    assert (InteractionType.LOOKING_FOR_PARTICIPATION in kinds) == takes_part
    for evidence in found:
        # A listing's thread proves for that listing only, a store's for all of its listings.
        assert (evidence.listing_id, evidence.store_id) == ((LISTING, None) if listing_id else (None, STORE))


def test_spaces_do_not_make_a_message_long_enough():
    padded = " " * 30 + "x" * (MIN_MESSAGE_CHARACTERS - 1) + "\n" * 30
    assert evidence_of_message(AgentType.CUSTOMER, padded, ThreadType.GENERAL, LISTING, STORE) == []
    exact = "x" * MIN_MESSAGE_CHARACTERS
    assert evidence_of_message(AgentType.CUSTOMER, exact, ThreadType.GENERAL, LISTING, STORE) == [
        Evidence(InteractionType.QUESTION_POSTED, listing_id=LISTING)
    ]


@settings(deadline=None)
@given(st.sampled_from(AgentType), bodies, st.sampled_from(ThreadType), st.booleans())
def test_a_store_owes_an_answer_to_a_customers_real_question(
    author: AgentType, body: str, thread: ThreadType, has_store: bool
):
    owed = asks_support(author, body, thread, has_store)
    assert owed == (
        author is AgentType.CUSTOMER and has_store and thread is not ThreadType.REVIEW and len(body.strip()) >= 20
    )


def test_every_way_on_names_its_call_and_the_listing_or_store():
    ways = ways_to_satisfy(LISTING, STORE)
    # A session is no way on for who hears this: it proves only for a shopping platform, which never does.
    assert {way["type"] for way in ways} == set(InteractionType) - {InteractionType.CHECKOUT_SESSION}
    assert all(way["call"].startswith("POST /v1/") for way in ways)
    assert all(str(LISTING) in way["how"] for way in ways)
    assert any(str(STORE) in way["how"] for way in ways)
