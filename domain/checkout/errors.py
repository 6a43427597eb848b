"""What a checkout session refuses. No message tells a price, a limit or an address."""

from domain.platform.errors import ErrorKind, declare, upheld_by
from domain.platform.identity import NOT_A_CUSTOMER

_C, _R, _F, _N, _I, _M, _P = (
    ErrorKind.CONFLICT,
    ErrorKind.RULE_VIOLATION,
    ErrorKind.FORBIDDEN,
    ErrorKind.NOT_FOUND,
    ErrorKind.INVALID,
    ErrorKind.MALFORMED,
    ErrorKind.PAYMENT_REQUIRED,
)

CHECKOUT_NOT_FOUND = declare("checkout.not_found", _N, "There is no such checkout session, or it is not yours.")
CHECKOUT_OVER = declare("checkout.over", _C, "The session is completed or canceled.")
CHECKOUT_EXPIRED = declare("checkout.expired", _C, "The session has expired.", "open a new one")
CHECKOUT_BUSY = declare("checkout.in_progress", _C, "The session is being completed.", "read it again in a moment")
CHECKOUT_EMPTY = declare("checkout.empty", _I, "A session needs something to buy.")
CHECKOUT_TARGET = declare("checkout.target_invalid", _I, "Name one of items, an accepted offer, or a cart.")
TOO_MANY_LINES = declare("checkout.too_many_lines", _I, "More lines than a session may hold.")
TOO_MANY_CODES = declare(
    "checkout.too_many_discount_codes",
    _I,
    "More discount codes than a session may hold.",
    "send fewer codes",
)
LINE_TWICE = declare("checkout.line_twice", _I, "Two lines have the same id.")
ONE_STORE = declare("checkout.one_store", _I, "All lines of a session are of one store and one currency.")
CURRENCY_MISMATCH = declare("checkout.currency_mismatch", _I, "The goods are sold in another currency.")
ITEMS_FIXED = declare("checkout.items_fixed", _R, "What an accepted offer sells cannot be changed.")
OFFER_IN_CHECKOUT = declare("checkout.offer_has_session", _C, "Another open session sells this offer.")
TOO_MANY_OPEN = declare("checkout.too_many_open", _C, "This agent has too many open sessions.", "close some first")
FULFILLMENT_MISSING = declare(
    "checkout.fulfillment_missing",
    _M,
    "Fulfillment address and option must be selected before the session is completed.",
)
PRICE_CHANGED = declare(
    "checkout.price_changed", _C, "The price has changed: look at the session's new totals.", "read the session again"
)
PAYMENT_MISSING = declare("checkout.payment_missing", _M, "No payment was given.")
PAYMENT_HANDLER_UNKNOWN = declare("checkout.payment_handler_unknown", _M, "There is no such payment handler.")
PAYMENT_DECLINED = declare("checkout.payment_declined", _P, "The payment was declined.", "choose another payment")
PAYMENT_FRAUD = declare("checkout.payment_refused", _F, "The payment was refused.")
ESCALATED = declare(
    "checkout.requires_escalation", _C, "The buyer must take a step by itself.", "send the buyer to continue_url"
)

PAYMENT_UNAVAILABLE = declare(
    "checkout.payment_unavailable", ErrorKind.UNAVAILABLE, "The payment handler did not answer: nothing was charged."
)
INTERRUPTED = declare(
    "checkout.interrupted", ErrorKind.UNAVAILABLE, "The completion was interrupted: nothing was charged."
)

CART_NOT_FOUND = declare("cart.not_found", _N, "There is no such cart, or it is not yours.")
CART_CONVERTED = declare("cart.already_converted", _C, "The cart has an open checkout session.")

upheld_by(CART_CONVERTED, "one_open_checkout_per_cart")
upheld_by(OFFER_IN_CHECKOUT, "one_open_checkout_per_offer")
upheld_by(NOT_A_CUSTOMER, "checkouts_buyer_is_customer")
