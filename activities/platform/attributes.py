"""What Temporal may know of workflows: ids and a state name, because they are never encrypted."""

from temporalio.common import Priority, SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

STORE_ID = SearchAttributeKey.for_keyword("StoreId")
LISTING_ID = SearchAttributeKey.for_keyword("ListingId")
STATE = SearchAttributeKey.for_keyword("State")


def search_attributes(store_id: object, listing_id: object | None, state: str) -> TypedSearchAttributes:
    """All an operator may search by. ``listing_id`` is None for processes of a whole store."""
    pairs: list[SearchAttributePair[str]] = [
        SearchAttributePair(STORE_ID, str(store_id)),
        SearchAttributePair(STATE, state),
    ]
    if listing_id is not None:
        pairs.append(SearchAttributePair(LISTING_ID, str(listing_id)))
    return TypedSearchAttributes(pairs)


def fair_share(store_id: object) -> Priority:
    """Where tasks wait, each store's are taken in turn with the others', however many it has."""
    return Priority(fairness_key=str(store_id))
