"""The market's events in plain English, as pieces of text some of which lead somewhere.

One source for the page, the live stream and the terminal. No sentence about an offer has room for a term.
"""

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

from babel.numbers import format_currency, get_currency_precision

from api.platform.parts import Piece
from db.market.tables import StoreUpdate
from db.market.watch_stories import Story
from domain.market.states import ActivityType
from domain.market.trust import TrustComponent, TrustReason
from domain.platform.events import PublicEvent

LOCALE = "en"


REASONS: dict[TrustReason, str] = {
    TrustReason.REVIEW_POSTED: "a customer reviewed an order",
    TrustReason.MERCHANT_REPLIED_IN_THREAD: "the merchant answered a question",
    TrustReason.POLICY_UPDATED: "the policies were read anew",
    TrustReason.PRICE_UPDATED: "a price changed",
    TrustReason.PRODUCT_COPY_UPDATED: "a description changed",
    TrustReason.OFFER_HONORED: "an accepted offer was delivered",
    TrustReason.REPLY_MISSED: "a question stayed unanswered",
    TrustReason.OFFER_BROKEN: "a promise was broken",
    TrustReason.TIME_DECAY: "old evidence fades",
    TrustReason.ORDER_REFUNDED: "an order was paid back, and proves nothing any more",
}
COMPONENTS: dict[TrustComponent, str] = {
    TrustComponent.PRODUCT: "product",
    TrustComponent.CLAIM: "claims",
    TrustComponent.SUPPORT: "support",
    TrustComponent.POLICY: "policy",
}
FIELDS = {
    "price_cents": "the price",
    "return_policy_text": "the return policy",
    "shipping_policy_text": "the shipping policy",
    "title": "the title",
    "description": "the description",
    "images": "the pictures",
}


def money(cents: int, currency: str) -> str:
    """Minor units as an amount in its currency."""
    amount = Decimal(cents) / (10 ** get_currency_precision(currency))
    return format_currency(amount, currency, locale=LOCALE)


def points(milli: int) -> str:
    """Milli-points as a score."""
    return f"{milli / 1000:.1f}"


def signed(milli: int) -> str:
    """A step, with its sign: a minus as long as the plus."""
    return f"{'−' if milli < 0 else '+'}{abs(milli) / 1000:.3f}"


def change(update: StoreUpdate, currency: str | None) -> tuple[str, str]:
    """A patch note's old and new value as a reader wants them."""
    old, new = update.old_value or "", update.new_value or ""
    if update.field_name == "price_cents" and currency and old.isdecimal() and new.isdecimal():
        return money(int(old), currency), money(int(new), currency)
    return old, new


def store_href(store_id: UUID | None) -> str:
    return f"/stores/{store_id}"


def _actor(story: Story) -> Piece:
    return Piece(story.actor or "Somebody")


def _store(story: Story) -> Piece:
    return Piece(story.store or "a store", store_href(story.event.store_id))


def _listing(story: Story) -> Piece:
    if story.event.listing_id is None:
        return _store(story)
    return Piece(story.listing or "a listing", f"/listings/{story.event.listing_id}")


def _thread(story: Story) -> Piece:
    anchor = f"#m-{story.event.message_id}" if story.event.message_id else ""
    return Piece(story.thread or "a thread", f"/threads/{story.event.thread_id}{anchor}")


def _quote(text: str | None) -> list[Piece]:
    return [Piece(f" “{text}”", quiet=True)] if text else []


def _message(story: Story) -> list[Piece]:
    return [_actor(story), Piece(" wrote in "), _thread(story), Piece(":"), *_quote(story.excerpt)]


def _review(story: Story) -> list[Piece]:
    if story.review is None:
        return [_actor(story), Piece(" reviewed "), _listing(story)]
    stars = "★" * story.review.rating + "☆" * (5 - story.review.rating)
    review = Piece(stars, f"/threads/{story.event.thread_id}#m-{story.review.message_id}")
    return [_actor(story), Piece(" gave "), _listing(story), Piece(" "), review, *_quote(story.review.title)]


def _update(story: Story) -> list[Piece]:
    update = story.update
    if update is None:
        return [_store(story), Piece(" changed something")]
    old, new = change(update, story.currency)
    what = FIELDS.get(update.field_name or "", update.field_name or "something")
    said = [_store(story), Piece(f" changed {what}")]
    if update.linked_listing_id:
        said += [Piece(" of "), _listing(story)]
    if update.field_name == "price_cents":
        said.append(Piece(f" from {old} to {new}"))
    return [*said, Piece(":"), *_quote(update.reason)]


def _trust(story: Story) -> list[Piece]:
    move = story.trust
    store = Piece(story.store or "a store", f"{store_href(story.event.store_id)}#trust")
    if move is None:
        return [Piece("Trust in "), store, Piece(" moved")]
    by = move.after_milli - move.before_milli
    verb = "rose" if by > 0 else "fell" if by < 0 else "stayed"
    why = " and ".join(REASONS[reason] for reason in move.reasons)
    return [Piece("Trust in "), store, Piece(f" {verb} to {points(move.after_milli)}: {why}")]


def _offer(rest: str) -> Callable[[Story], list[Piece]]:
    return lambda story: [Piece("A private offer on "), _listing(story), Piece(rest)]


SENTENCES: dict[PublicEvent, Callable[[Story], list[Piece]]] = {
    ActivityType.STORE_CREATED: lambda s: [_actor(s), Piece(" opened the store "), _store(s)],
    ActivityType.LISTING_DROPPED: lambda s: [_store(s), Piece(" put "), _listing(s), Piece(" on sale")],
    ActivityType.STORE_UPDATE_POSTED: _update,
    ActivityType.THREAD_CREATED: lambda s: [_actor(s), Piece(" opened the thread "), _thread(s)],
    ActivityType.MESSAGE_POSTED: _message,
    ActivityType.OFFER_MADE: _offer(" was made"),
    ActivityType.OFFER_ACCEPTED: _offer(" was accepted"),
    ActivityType.OFFER_REJECTED: _offer(" was declined"),
    ActivityType.OFFER_EXPIRED: _offer(" expired"),
    ActivityType.OFFER_CANCELLED: _offer(" was withdrawn"),
    ActivityType.OFFER_REFERENCE_POSTED: lambda s: [_actor(s), Piece(" mentioned a private offer in "), _thread(s)],
    ActivityType.ORDER_PLACED: lambda s: [_actor(s), Piece(" bought "), _listing(s), Piece(" from "), _store(s)],
    ActivityType.ORDER_DELIVERED: lambda s: [_store(s), Piece(" delivered "), _listing(s)],
    ActivityType.ORDER_REFUNDED: lambda s: [_store(s), Piece(" paid back an order of "), _listing(s)],
    ActivityType.REVIEW_POSTED: _review,
    ActivityType.TRUST_UPDATED: _trust,
}


def sentence(story: Story) -> list[Piece]:
    """What happened, in words."""
    kind = story.event.type
    return SENTENCES[kind](story) if kind in SENTENCES else [Piece(kind.word)]


def plain(story: Story) -> str:
    return "".join(piece.text for piece in sentence(story))
