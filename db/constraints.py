"""The database's refusals in the market's words: which constraint stands for which error."""

from sqlalchemy.exc import IntegrityError

from domain.checkout import errors as checkout
from domain.market import errors
from domain.platform.errors import DomainError, ErrorCode

_BY_CONSTRAINT: dict[str, ErrorCode] = {
    "agents_handle_key": errors.HANDLE_TAKEN,
    "agents_handle_skeleton_key": errors.HANDLE_TAKEN,
    "stores_owner_is_merchant": errors.NOT_A_MERCHANT,
    "negotiations_buyer_is_customer": errors.NOT_A_CUSTOMER,
    "offers_buyer_is_customer": errors.NOT_A_CUSTOMER,
    "orders_buyer_is_customer": errors.NOT_A_CUSTOMER,
    "reviews_author_is_customer": errors.NOT_A_CUSTOMER,
    "one_active_listing_per_store": errors.LISTING_HERO_TAKEN,
    "one_open_negotiation_per_buyer_and_listing": errors.NEGOTIATION_OPEN,
    "one_standing_offer_per_negotiation": errors.OFFER_NOT_OPEN,
    "offers_round_key": errors.OFFER_NOT_OPEN,
    "listings_inventory_on_hand_check": errors.STOCK_NEGATIVE,
    "one_open_checkout_per_cart": checkout.CART_CONVERTED,
    "one_open_checkout_per_offer": checkout.OFFER_IN_CHECKOUT,
    "checkouts_buyer_is_customer": errors.NOT_A_CUSTOMER,
    "orders_source_offer_key": errors.OFFER_SPENT,
    "orders_have_gating_evidence": errors.GATING_UNSATISFIED,
    "orders_match_their_offer": errors.OFFER_NOT_ACCEPTED,
    "reviews_order_id_key": errors.REVIEW_EXISTS,
    "reviews_on_delivered_orders": errors.REVIEW_UNDELIVERED,
    "webhook_endpoints_store_id_fkey": errors.STORE_NOT_FOUND,
    "webhook_endpoints_listing_id_fkey": errors.LISTING_NOT_FOUND,
    "threads_listing_of_store_fk": errors.THREAD_CONTEXT,
    "listing_limits_accept_above_floor": errors.LIMITS_INCOHERENT,
    "listing_limits_decline_below_accept": errors.LIMITS_INCOHERENT,
}


def constraint_name(error: IntegrityError) -> str | None:
    diagnostic = getattr(error.orig, "diag", None)
    name = getattr(diagnostic, "constraint_name", None)
    return name if isinstance(name, str) else None


def refusal(error: IntegrityError) -> DomainError | None:
    """The rule the database upheld, or None when the violation is a fault of ours."""
    code = _BY_CONSTRAINT.get(constraint_name(error) or "")
    return code.error() if code else None
