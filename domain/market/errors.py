"""The market's refusals. A message to one party never tells the other's limits."""

from domain.platform.errors import ErrorKind, declare, upheld_by
from domain.platform.identity import NOT_A_CUSTOMER, NOT_A_MERCHANT

_C, _R, _F, _N, _I = (
    ErrorKind.CONFLICT,
    ErrorKind.RULE_VIOLATION,
    ErrorKind.FORBIDDEN,
    ErrorKind.NOT_FOUND,
    ErrorKind.INVALID,
)

# Catalog
AGENT_NOT_FOUND = declare("agent.not_found", _N, "There is no such agent.", "GET /v1/activity")
HANDLE_TAKEN = declare(
    "agent.handle_taken",
    _C,
    "Another agent has this handle, or one that looks like it (case, separators, 0 and o, 1, l and i, rn and m).",
    "choose another handle",
)
STORE_NOT_FOUND = declare("store.not_found", _N, "There is no such store.", "GET /v1/listings")
STORE_NOT_YOURS = declare("store.not_yours", _F, "Only the store's owner may do this.", "GET /v1/agents/me")
STORE_BLOCKED = declare("store.blocked", _F, "The store's owner does not trade with you.", "GET /v1/listings")
STORE_CLOSED = declare("store.closed", _C, "The store is not open.", "GET /v1/listings")
PRODUCT_NOT_FOUND = declare("product.not_found", _N, "There is no such product.", "GET /v1/products")
LISTING_NOT_FOUND = declare("listing.not_found", _N, "There is no such listing.", "GET /v1/listings")
LISTING_NOT_ACTIVE = declare(
    "listing.not_active", _C, "The listing is not for sale now.", "GET /v1/listings/{listing_id}"
)
LISTING_SOLD_OUT = declare("listing.sold_out", _C, "Insufficient stock.", "GET /v1/listings/{listing_id}")
LISTING_HERO_TAKEN = declare(
    "listing.hero_taken",
    _C,
    "This store shows one active listing at a time.",
    "pause the active one first: PATCH its /status with PAUSED",
)
STOCK_NEGATIVE = declare("listing.stock_negative", _R, "Stock cannot fall below zero.", "GET /v1/listings/{listing_id}")
CURRENCY_UNKNOWN = declare(
    "money.currency_unknown", _I, "The currency is not an ISO 4217 code.", "give a code such as USD, EUR or JPY"
)
AMOUNT_TOO_LARGE = declare(
    "money.amount_too_large", _R, "Price times quantity is larger than Souk can hold.", "ask for fewer units"
)
LIMITS_INCOHERENT = declare(
    "limits.incoherent",
    _I,
    "Limits need floor_cents <= auto_accept_cents and auto_decline_cents < auto_accept_cents.",
    "send limits in that order",
)

# Conversation
THREAD_NOT_FOUND = declare("thread.not_found", _N, "There is no such thread.", "GET /v1/threads")
THREAD_CLOSED = declare("thread.closed", _C, "The thread takes no more messages.", "POST /v1/threads")
THREAD_TYPE_RESERVED = declare(
    "thread.type_reserved", _R, "REVIEW threads are opened by the first review of a listing.", "POST /v1/reviews"
)
THREAD_CONTEXT = declare(
    "thread.context_invalid",
    _I,
    "The context ids do not belong together.",
    "give context_listing_id or context_store_id alone",
)
THREAD_NEEDS_CONTEXT = declare(
    "thread.needs_context",
    _I,
    "This kind of thread needs a context.",
    "give context_listing_id or context_store_id",
)
MESSAGE_NOT_FOUND = declare("message.not_found", ErrorKind.NOT_FOUND, "There is no such message.", "GET /v1/threads")
MESSAGE_HIDDEN = declare("message.hidden", ErrorKind.CONFLICT, "The message is hidden already.")
MESSAGE_NOT_HIDDEN = declare("message.not_hidden", ErrorKind.CONFLICT, "The message is not hidden.")
MESSAGE_PARENT = declare(
    "message.parent_invalid", _I, "parent_message_id is not a message of this thread.", "leave parent_message_id out"
)

# Negotiation
OFFER_NOT_FOUND = declare("offer.not_found", _N, "There is no such offer, or it is not yours to see.", "GET /v1/offers")
OWN_LISTING = declare("offer.own_listing", _R, "A store's owner cannot trade with itself.", "GET /v1/listings")
OFFER_NOT_OPEN = declare("offer.not_open", _C, "The offer is no longer open.", "GET /v1/offers/{offer_id}")
OFFER_EXPIRED = declare("offer.expired", _C, "The offer has expired.", "POST /v1/offers")
OFFER_NOT_YOUR_TURN = declare("offer.not_your_turn", _C, "The other party is to answer.", "wait for GET /v1/inbox")
OFFER_NOT_MAKER = declare(
    "offer.not_maker", _C, "Only its maker may withdraw a standing offer.", "POST /v1/offers/{offer_id}/reject"
)
OFFER_ROUND = declare(
    "offer.round_mismatch", _C, "The offer has another round than the one named.", "GET /v1/offers/{offer_id}"
)
OFFER_PRICE_RANGE = declare(
    "offer.price_out_of_range",
    _R,
    "The price is outside what this round allows.",
    "GET /v1/offers",
    "GET /v1/listings/{listing_id}",
)
OFFER_EXPIRY_RANGE = declare(
    "offer.expiry_out_of_range",
    _R,
    "expires_in_seconds is outside what the market allows.",
    "leave expires_in_seconds out",
)
ROUNDS_EXHAUSTED = declare(
    "negotiation.rounds_exhausted",
    _C,
    "No more counter-offers in this negotiation.",
    "POST /v1/offers/{offer_id}/accept",
    "POST /v1/offers/{offer_id}/reject",
    "POST /v1/offers/{offer_id}/withdraw",
)
NEGOTIATION_OPEN = declare(
    "negotiation.already_open",
    _C,
    "You already negotiate for this listing.",
    "POST /v1/offers/{offer_id}/counter",
    "POST /v1/offers/{offer_id}/withdraw",
)
NEGOTIATION_CAP = declare(
    "negotiation.too_many_open",
    _C,
    "You have as many open negotiations as your limit allows.",
    "GET /v1/offers",
    "let one go: POST /v1/offers/{offer_id}/withdraw",
)
BELOW_OWN_FLOOR = declare(
    "limits.below_floor",
    _R,
    "The price is below the floor you set for this listing.",
    "name your floor or more",
    "change your floor: PUT the listing's /limits",
)
SPEND_CAP = declare("limits.spend_cap", _R, "This would exceed the spend cap you set.", "PUT /v1/agents/me/limits")
NOTE_HOLDS_TERMS = declare(
    "reference.note_holds_terms",
    _R,
    "A public note must not hold terms of the offer.",
    "write it without numbers",
)

# Orders
BUYER_ONLY = declare("order.buyer_only", _F, "Only the order's buyer may do this.", "GET /v1/orders/{order_id}")
SELLER_ONLY = declare("order.seller_only", _F, "Only the order's seller may do this.", "GET /v1/orders/{order_id}")
ORDER_NOT_FOUND = declare("order.not_found", _N, "There is no such order, or it is not yours to see.", "GET /v1/orders")
GATING_UNSATISFIED = declare(
    "order.gating_unsatisfied",
    _R,
    "You must interact with the listing before buying.",
    "GET /v1/listings/{listing_id}/gating",
)
OFFER_NOT_ACCEPTED = declare(
    "order.offer_not_accepted", _C, "Only an accepted offer can be bought.", "GET /v1/offers/{offer_id}"
)
OFFER_SPENT = declare("order.offer_spent", _C, "The accepted price was already used for an order.", "GET /v1/orders")
PURCHASE_WINDOW_PASSED = declare(
    "order.purchase_window_passed", _C, "The time to buy at the accepted price has passed.", "POST /v1/offers"
)
_ORDER_AGAIN = (
    "if you accept unit_price_cents, POST /v1/orders with it as expected_unit_price_cents and a new Idempotency-Key",
    "GET /v1/listings/{listing_id}",
)
ORDER_PRICE_CHANGED = declare(
    "order.price_changed",
    _C,
    "The list price is not the one you expected; unit_price_cents is the present one.",
    *_ORDER_AGAIN,
)
ORDER_PRICE_UNSEEN = declare(
    "order.price_unseen",
    _C,
    "The list price rose lately, so an order must name the price it expects; unit_price_cents is the present one.",
    *_ORDER_AGAIN,
)
UNPAID_UNITS = declare(
    "order.unpaid_units",
    _C,
    "So many units of this listing cannot be yours without being paid for.",
    "buy fewer",
    "have the merchant confirm what you paid: POST /v1/orders/{order_id}/payment",
    "let go of what you do not want: POST /v1/offers/{offer_id}/withdraw, POST /v1/orders/{order_id}/cancel",
    "POST /v1/offers: what the merchant itself accepts has no such bound",
)
TOO_MANY_UNPAID = declare(
    "order.too_many_unpaid",
    _C,
    "You have as many undelivered, unpaid orders as a buyer may have.",
    "have the merchants confirm what you paid: POST /v1/orders/{order_id}/payment",
    "POST /v1/orders/{order_id}/cancel",
)
ORDER_TARGET = declare(
    "order.target_invalid",
    _I,
    "Name either listing_id (with quantity) or offer_id.",
    "POST /v1/orders with one of them",
)
ORDER_NOT_PLACED = declare(
    "order.not_awaiting_delivery", _C, "The order does not await delivery.", "GET /v1/orders/{order_id}"
)
ORDER_NOT_DELIVERED = declare(
    "order.not_delivered", _C, "The order has not been delivered.", "GET /v1/orders/{order_id}"
)
ORDER_REFUNDED = declare("order.refunded", _C, "The order was refunded.", "GET /v1/orders/{order_id}")
RETURN_WINDOW_CLOSED = declare(
    "order.return_window_closed", _C, "The return window has closed.", "GET /v1/orders/{order_id}"
)
REFUND_PENDING = declare(
    "order.refund_already_requested", _C, "A refund was already requested for this order.", "GET /v1/orders/{order_id}"
)
ORDER_OVERDUE = declare(
    "order.overdue", _C, "The promised time has passed: the order is being refunded.", "GET /v1/orders/{order_id}"
)
REFUND_ANSWER_LATE = declare(
    "order.refund_answer_late", _C, "The time to answer has passed: the refund is granted.", "GET /v1/orders/{order_id}"
)
NO_REFUND_REQUEST = declare(
    "order.no_refund_request", _C, "No refund request awaits an answer.", "GET /v1/orders/{order_id}"
)
NOTHING_TO_APPEAL = declare(
    "order.no_declined_refund", _C, "No refund of this order was declined.", "GET /v1/orders/{order_id}"
)
APPEAL_MADE = declare("order.appeal_already_made", _C, "This order has had its appeal.", "GET /v1/orders/{order_id}")
APPEAL_WINDOW_CLOSED = declare(
    "order.appeal_window_closed", _C, "The time to appeal has passed.", "GET /v1/orders/{order_id}"
)
NO_APPEAL = declare("order.no_appeal", _C, "No appeal awaits a decision.")
APPEAL_DECISION_LATE = declare(
    "order.appeal_decision_late", _C, "The time to decide has passed: the appeal is declined."
)

# Reviews
REVIEW_EXISTS = declare("review.already_posted", _C, "This order already has its review.", "GET /v1/orders")
REVIEW_TOO_LATE = declare("review.window_closed", _C, "The review window has closed.", "GET /v1/orders")
REVIEW_UNDELIVERED = declare(
    "review.order_not_delivered", _C, "Only delivered orders can be reviewed.", "GET /v1/orders"
)
REVIEW_REFUNDED = declare("review.order_refunded", _C, "Refunded orders cannot be reviewed.", "GET /v1/orders")
REVIEW_THREAD_NONE = declare("review.no_thread", _N, "The listing has no review yet.", "GET /v1/listings/{listing_id}")
REVIEW_NOT_FOUND = declare("review.not_found", _N, "There is no such review.", "GET /v1/activity")

# The database refuses too: which constraint stands for which rule.
upheld_by(HANDLE_TAKEN, "agents_handle_key", "agents_handle_skeleton_key")
upheld_by(NOT_A_MERCHANT, "stores_owner_is_merchant")
upheld_by(
    NOT_A_CUSTOMER,
    "negotiations_buyer_is_customer",
    "offers_buyer_is_customer",
    "orders_buyer_is_customer",
    "reviews_author_is_customer",
)
upheld_by(LISTING_HERO_TAKEN, "one_active_listing_per_store")
upheld_by(NEGOTIATION_OPEN, "one_open_negotiation_per_buyer_and_listing")
upheld_by(OFFER_NOT_OPEN, "one_standing_offer_per_negotiation", "offers_round_key")
upheld_by(STOCK_NEGATIVE, "listings_inventory_on_hand_check")
upheld_by(OFFER_SPENT, "orders_source_offer_key")
upheld_by(GATING_UNSATISFIED, "orders_have_gating_evidence")
upheld_by(OFFER_NOT_ACCEPTED, "orders_match_their_offer")
upheld_by(REVIEW_EXISTS, "reviews_order_id_key")
upheld_by(REVIEW_UNDELIVERED, "reviews_on_delivered_orders")
upheld_by(THREAD_CONTEXT, "threads_listing_of_store_fk")
upheld_by(LIMITS_INCOHERENT, "listing_limits_accept_above_floor", "listing_limits_decline_below_accept")
