"""Which goods a platform means: an item is a listing, or an accepted offer of the one who asks.

That an accepted offer is an item like any other is how a price that was bargained for comes into a protocol
without bargaining: the session that sells it has the offer's price, and its goods cannot be changed.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.checkout.bodies import LineItemIn
from api.context import AppContext
from db.checkout import reads
from db.market.tables import Listing, Offer
from db.platform.transactions import Transaction
from domain.checkout import errors
from domain.checkout.models import ItemChoice
from domain.market.errors import LISTING_NOT_FOUND


@dataclass(frozen=True, slots=True)
class Wanted:
    """What lines ask for: ``items`` of one store, or one accepted offer."""

    store_id: UUID
    items: tuple[ItemChoice, ...] = ()
    offer_id: UUID | None = None


async def find_wanted(
    session: AsyncSession, context: AppContext, agent_id: UUID, lines: Sequence[LineItemIn]
) -> Wanted:
    """Look up what lines name.

    Raises listing.not_found for what is neither a listing nor the agent's offer, checkout.empty,
    checkout.too_many_lines, checkout.items_fixed, checkout.one_store.
    """
    if not lines:
        raise errors.CHECKOUT_EMPTY.error()
    if len(lines) > context.settings.checkout.max_lines:
        # Before each is looked up.
        raise errors.TOO_MANY_LINES.error()
    offer = await _find_offer(session, agent_id, lines)
    if offer is not None:
        return offer
    found = []
    for index, line in enumerate(lines):
        listing_id = await find_listing(session, context, line.item.id)
        if listing_id is None:
            # Told with its place: a basket may have many lines.
            content = "Not found: there is no such item."
            problem = {"field": f"body.line_items.{index}.item.id", "problem": content}
            raise LISTING_NOT_FOUND.error("There is no such item.", errors=[problem])
        found.append(ItemChoice(listing_id=listing_id, quantity=line.quantity, line_id=line.id))
    query = select(Listing.c.store_id).where(Listing.c.listing_id.in_({item.listing_id for item in found})).distinct()
    stores = list(await session.scalars(query))
    if len(stores) != 1:
        raise errors.ONE_STORE.error()
    return Wanted(stores[0], tuple(found))


async def _find_offer(session: AsyncSession, agent_id: UUID, lines: Sequence[LineItemIn]) -> Wanted | None:
    """The offer that the lines name, if they name one; who is no party to it is told of no such item."""
    for line in lines:
        with suppress(ValueError):
            transaction = await Transaction.of(session)
            offer = await transaction.get(Offer, UUID(line.item.id))
            if offer is None or offer.buyer_customer_id != agent_id:
                continue
            if len(lines) > 1 or line.quantity != offer.quantity:
                raise errors.ITEMS_FIXED.error()
            listing = await transaction.get_one(Listing, offer.listing_id)
            return Wanted(listing.store_id, offer_id=offer.offer_id)
    return None


async def find_listing(session: AsyncSession, context: AppContext, item_id: str) -> UUID | None:
    """The listing that an item's id stands for; in the test mode also by the name its file gave it."""
    with suppress(ValueError):
        found: UUID | None = await session.scalar(
            select(Listing.c.listing_id).where(Listing.c.listing_id == UUID(item_id))
        )
        return found
    if context.settings.simulation.enabled:
        return await reads.find_simulated_listing(session, item_id)
    return None


async def item_names(session: AsyncSession, context: AppContext, listing_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The names by which the test mode's files know listings; none outside of it."""
    if not context.settings.simulation.enabled:
        return {}
    names = {listing_id: await reads.find_simulated_item(session, listing_id) for listing_id in set(listing_ids)}
    return {listing_id: name for listing_id, name in names.items() if name is not None}
