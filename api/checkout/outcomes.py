"""Protocol errors and business outcomes: how each refusal that a platform can meet is answered.

By the REST binding of 2026-04-08 a request that is wrong as such gets a status from 400 on; that the market says no
to a request which is right is an outcome: 200 with ``ucp.status`` "error" and messages. Every code stands in one of
the two tables (``tests/api/checkout/test_ucp_outcomes.py``). Older versions of the protocol, served in the test-only
mode alone, have a status from 400 on for both.
"""

from collections.abc import Mapping

from starlette.requests import Request

from api.errors import status_of
from domain.checkout import errors as checkout
from domain.checkout import ucp_errors as ucp
from domain.market import errors as market
from domain.platform import errors as platform
from domain.platform.errors import DomainError, ErrorCode
from domain.platform.identity import NOT_A_CUSTOMER


def _named(*codes: ErrorCode) -> frozenset[str]:
    return frozenset(code.code for code in codes)


PROTOCOL_ERRORS = _named(
    ucp.INVALID_PROFILE_URL,
    ucp.PROFILE_UNREACHABLE,
    ucp.PROFILE_MALFORMED,
    ucp.VERSION_UNSUPPORTED,
    ucp.SIGNATURE_MISSING,
    ucp.SIGNATURE_INVALID,
    ucp.KEY_NOT_FOUND,
    ucp.DIGEST_MISMATCH,
    ucp.ALGORITHM_UNSUPPORTED,
    ucp.SIMULATION_SECRET,
    NOT_A_CUSTOMER,
    platform.AUTH_INVALID,
    platform.AGENT_REQUIRED,
    platform.IDEMPOTENCY_KEY_REUSED,
    platform.IDEMPOTENCY_IN_FLIGHT,
    platform.REQUEST_INVALID,
    platform.BAD_CURSOR,
    platform.REQUEST_MALFORMED,
    platform.REQUEST_TOO_LARGE,
    platform.RATE_LIMITED,
    platform.ROUTE_NOT_FOUND,
    platform.METHOD_NOT_ALLOWED,
    platform.UNAVAILABLE,
    platform.INTERNAL,
    checkout.PAYMENT_UNAVAILABLE,
    checkout.INTERRUPTED,
)
OUTCOMES = _named(
    ucp.CAPABILITIES_INCOMPATIBLE,
    checkout.CHECKOUT_NOT_FOUND,
    checkout.CHECKOUT_OVER,
    checkout.CHECKOUT_EXPIRED,
    checkout.CHECKOUT_BUSY,
    checkout.CHECKOUT_EMPTY,
    checkout.CHECKOUT_TARGET,
    checkout.TOO_MANY_LINES,
    checkout.TOO_MANY_CODES,
    checkout.LINE_TWICE,
    checkout.ONE_STORE,
    checkout.CURRENCY_MISMATCH,
    checkout.ITEMS_FIXED,
    checkout.OFFER_IN_CHECKOUT,
    checkout.TOO_MANY_OPEN,
    checkout.FULFILLMENT_MISSING,
    checkout.PRICE_CHANGED,
    checkout.PAYMENT_MISSING,
    checkout.PAYMENT_HANDLER_UNKNOWN,
    checkout.PAYMENT_DECLINED,
    checkout.PAYMENT_FRAUD,
    checkout.ESCALATED,
    checkout.CART_NOT_FOUND,
    checkout.CART_CONVERTED,
    market.LISTING_NOT_FOUND,
    market.LISTING_NOT_ACTIVE,
    market.LISTING_SOLD_OUT,
    market.STORE_CLOSED,
    market.STORE_BLOCKED,
    market.OWN_LISTING,
    market.AMOUNT_TOO_LARGE,
    market.SPEND_CAP,
    market.GATING_UNSATISFIED,
    market.OFFER_NOT_FOUND,
    market.OFFER_NOT_ACCEPTED,
    market.OFFER_SPENT,
    market.PURCHASE_WINDOW_PASSED,
    market.PRODUCT_NOT_FOUND,
    market.ORDER_NOT_FOUND,
    market.ORDER_PRICE_CHANGED,
    market.UNPAID_UNITS,
    market.TOO_MANY_UNPAID,
)
# As the public conformance tests, which speak an older version, have it.
_OLDER: Mapping[str, int] = {
    ucp.CAPABILITIES_INCOMPATIBLE.code: 200,
    market.LISTING_SOLD_OUT.code: 400,
    market.LISTING_NOT_FOUND.code: 400,
}


def is_outcome(refused: DomainError | ErrorCode) -> bool:
    return refused.code in OUTCOMES


def note_older(request: Request) -> None:
    """This request speaks a version before ours."""
    request.state.speaks_older_ucp = True


def speaks_older(request: Request) -> bool:
    return getattr(request.state, "speaks_older_ucp", False) is True


def status_for(refused: DomainError | ErrorCode, *, older: bool = False) -> int:
    """The HTTP status of a refusal under the protocol's addresses."""
    if older:
        return _OLDER.get(refused.code, status_of(refused))
    return 200 if is_outcome(refused) else status_of(refused)
