"""How much of a store a buyer may take up without having paid.

An order at the list price and an automatic acceptance bind the seller without its doing, so both are bounded: by the
units of the listing that one buyer has unpaid, and by how many orders it owes for. What a seller agrees to itself
(it accepts a bid, or asks a price for a known quantity) and what is paid is not bounded by units. Counted together are
the buyer's holds, its undelivered unpaid orders, its unpaid orders of a listing that delivers by itself, and for a
while what it let lapse, so that nobody holds the same stock again and again.
"""

from dataclasses import dataclass

from domain.market import errors
from domain.market.negotiation import ListingView
from domain.market.policy import MarketPolicy


@dataclass(frozen=True, slots=True)
class Unpaid:
    """What a buyer has taken up unpaid.

    ``orders``: neither paid nor delivered, anywhere. Of one listing ``held_units`` are taken from its stock: by holds,
    by undelivered orders, and by orders that delivered themselves, until their return window closes. ``lapsed_units``
    were so a while ago.
    """

    orders: int = 0
    held_units: int = 0
    lapsed_units: int = 0


def unpaid_units_allowed(listing: ListingView, unpaid: Unpaid, policy: MarketPolicy) -> int:
    """How many units of the listing the buyer may have unpaid: a share of what it could have, and at least one."""
    reach = listing.stock + unpaid.held_units
    return max(1, int(reach * policy.unpaid_share))


def fits_unpaid(listing: ListingView, unpaid: Unpaid, quantity: int, policy: MarketPolicy) -> bool:
    """Whether so many more units stay within the bound."""
    return unpaid.held_units + unpaid.lapsed_units + quantity <= unpaid_units_allowed(listing, unpaid, policy)


def check_unpaid_units(listing: ListingView, unpaid: Unpaid, quantity: int, policy: MarketPolicy) -> None:
    """Refuse to take more of a listing at its list price than may be had unpaid. Raises order.unpaid_units."""
    if not fits_unpaid(listing, unpaid, quantity, policy):
        allowed, had = unpaid_units_allowed(listing, unpaid, policy), unpaid.held_units + unpaid.lapsed_units
        raise errors.UNPAID_UNITS.error(
            f"At most {allowed} units of this listing can be yours without being paid for, and {had} are or were just"
            " let lapse.",
            allowed=allowed,
            counted=had,
        )


def check_unpaid_orders(unpaid: Unpaid, policy: MarketPolicy) -> None:
    """Refuse another order to who owes for many already. Raises order.too_many_unpaid."""
    if unpaid.orders >= policy.max_unpaid_orders:
        raise errors.TOO_MANY_UNPAID.error(
            f"You have {unpaid.orders} orders that are neither paid nor delivered: no more than"
            f" {policy.max_unpaid_orders} at a time.",
            allowed=policy.max_unpaid_orders,
        )
