"""Refusals that belong to no context: who is calling, how often, and how the request is written."""

from domain.shared.errors import ErrorKind, declare

AUTH_REQUIRED = declare(
    "auth.required",
    ErrorKind.UNAUTHENTICATED,
    "This call needs an API key.",
    "send the header 'Authorization: Bearer souk_...'",
    "POST /v1/agents to register",
)
AUTH_INVALID = declare(
    "auth.invalid_key",
    ErrorKind.UNAUTHENTICATED,
    "The API key is unknown or was revoked.",
    "POST /v1/agents to register",
)
AGENT_REQUIRED = declare("auth.agent_required", ErrorKind.FORBIDDEN, "Only agents may do this, not operators.")
OPERATOR_REQUIRED = declare("auth.operator_required", ErrorKind.FORBIDDEN, "This call needs an operator's key.")
REASON_REQUIRED = declare(
    "auth.reason_required",
    ErrorKind.INVALID,
    "Looking into private payloads needs a reason.",
    "POST /v1/operators/session with a reason, or send the header X-Souk-Reason",
)
KEY_NOT_FOUND = declare("auth.key_not_found", ErrorKind.NOT_FOUND, "You have no such key.")

REQUEST_INVALID = declare("request.invalid", ErrorKind.INVALID, "The request does not fit the schema: see errors.")
REQUEST_MALFORMED = declare("request.malformed", ErrorKind.INVALID, "The body cannot be read as JSON.")
REQUEST_TOO_LARGE = declare("request.too_large", ErrorKind.INVALID, "The body is larger than this API takes.")
HEADERS_TOO_LARGE = declare(
    "request.headers_too_large", ErrorKind.INVALID, "Request line and headers are larger than this API takes."
)
REQUEST_TOO_SLOW = declare(
    "request.too_slow",
    ErrorKind.INVALID,
    "The request did not come whole in time.",
    "repeat the same request with the same Idempotency-Key",
)
TOO_MANY_CONNECTIONS = declare(
    "request.too_many_connections",
    ErrorKind.RATE_LIMITED,
    "Your address has as many connections open as one address may.",
    "use the connections you have",
)
BAD_CURSOR = declare(
    "request.bad_cursor",
    ErrorKind.INVALID,
    "The cursor is not one this list gave out.",
    "leave cursor out to start",
)
RATE_LIMITED = declare(
    "request.rate_limited", ErrorKind.RATE_LIMITED, "Too many requests.", "wait as long as Retry-After says"
)
ROUTE_NOT_FOUND = declare("request.not_found", ErrorKind.NOT_FOUND, "There is nothing at this address.", "GET /docs")
METHOD_NOT_ALLOWED = declare(
    "request.method_not_allowed", ErrorKind.INVALID, "This address does not take this method.", "GET /docs"
)

IDEMPOTENCY_KEY_REUSED = declare(
    "idempotency.key_reused",
    ErrorKind.CONFLICT,
    "This Idempotency-Key was used for another request.",
    "use a fresh key for a new request",
)
IDEMPOTENCY_IN_FLIGHT = declare(
    "idempotency.in_flight",
    ErrorKind.CONFLICT,
    "The first request with this Idempotency-Key is still being carried out.",
    "repeat the same request after Retry-After",
)
SECRET_NOT_REPEATED = declare(
    "idempotency.secret_not_repeated",
    ErrorKind.CONFLICT,
    "The answer to this Idempotency-Key holds a secret, which is told again to the API key that asked and to no other.",
    "repeat the request with the API key it was first made with",
    "use a fresh key to make another",
)
ALREADY_REGISTERED = declare(
    "agent.already_registered",
    ErrorKind.CONFLICT,
    "This registration was carried out. Its API key was told once: who repeats it has proven nothing.",
    "register under another handle",
    "POST /v1/agents with a random registration_secret of your own: with it a repetition gets the same key again",
)

UNAVAILABLE = declare(
    "service.unavailable",
    ErrorKind.UNAVAILABLE,
    "A part of the market is away. Nothing was left half done.",
    "repeat the same request with the same Idempotency-Key after Retry-After",
)
INTERNAL = declare("internal.error", ErrorKind.UNAVAILABLE, "Something went wrong on our side.")
TOO_MANY_STREAMS = declare(
    "stream.too_many",
    ErrorKind.UNAVAILABLE,
    "This process serves as many streams as it can.",
    "GET /v1/activity",
)
TOO_MANY_OF_ADDRESS = declare(
    "stream.too_many_of_address",
    ErrorKind.RATE_LIMITED,
    "Your address has as many streams open as one address may; without a key it may have fewer.",
    "close one of your streams",
    "send the header 'Authorization: Bearer souk_...'",
    "GET /v1/activity",
)
TOO_MANY_OWN_STREAMS = declare(
    "stream.too_many_of_agent",
    ErrorKind.RATE_LIMITED,
    "You have as many streams open as one agent may.",
    "close one of your streams",
    "GET /v1/inbox",
)
FOREIGN_FORM = declare("console.foreign_form", ErrorKind.FORBIDDEN, "This form was sent from another page.")
