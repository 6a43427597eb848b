"""The gate before every route: who is calling, and may they call so often.

Runs before the body is looked into, so malformed requests and unknown addresses count as well; only a body that
says it is too large is refused before (``bodies``). Health, metrics (for this machine) and
the documentation are outside of it: they must answer when Postgres does not.
"""

from dataclasses import dataclass

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem_response, refusal_of
from api.platform.auth import Caller, Identity, identity_of, presented_key
from api.platform.headers import header, set_headers
from api.platform.limits import Limiter, Standing, client_address, is_on_this_machine, refuse
from domain.platform.errors import AUTH_INVALID, UNAVAILABLE, DomainError

METRICS = "/metrics"
_OPEN = (
    "/healthz",
    "/readyz",
    METRICS,
    "/docs",
    "/redoc",
    "/openapi.json",
    "/static-offline-docs",
    "/problems",
)


# No route takes them: the router says so, without asking who calls.
_NOT_OURS = frozenset({"OPTIONS", "TRACE"})

# Tells itself what a missing or a wrong key means, in its own protocol's words.
_ASKS_FOR_KEYS = frozenset({"/mcp"})


@dataclass(slots=True)
class Within:
    """Marks a request the process makes for one it is serving: in the scope, where no caller can write.

    Whoever made the outer request is known, and has been counted for it: that pays for one inner request.
    The outer one holds its place among those in flight until all is done, so inner ones take none.
    """

    identity: Identity
    paid: bool = True

    def take_paid(self) -> bool:
        paid, self.paid = self.paid, False
        return paid


@dataclass(slots=True)
class Place:
    """A place among the requests in flight. Given up by who only waits, at its end otherwise."""

    shed: "Shed"
    held: bool = True

    def give_up(self) -> None:
        if self.held:
            self.held = False
            self.shed.in_flight -= 1


class Admission:
    """Authenticates, counts, and tells the caller's standing in RateLimit headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_open(scope) or scope["method"] in _NOT_OURS:
            await self.app(scope, receive, send)
            return

        async def send_standing(message: Message) -> None:
            standing: Standing | None = scope.get("souk.standing")
            if message["type"] == "http.response.start" and standing is not None:
                set_headers(message, standing.headers())
            await send(message)

        try:
            await self._admit(scope)
        except Exception as error:
            refused = refusal_of(error)
            if refused is None:
                raise
            await problem_response(refused, Request(scope))(scope, receive, send_standing)
            return
        await self.app(scope, receive, send_standing)

    async def _admit(self, scope: Scope) -> None:
        limiter: Limiter = scope["app"].state.context.limiter
        address = client_address(scope)
        invalid: DomainError | None = None
        identity: Identity | None = None
        within: Within | None = scope.get("souk.within")
        if within is not None:
            identity = within.identity
            if within.take_paid():
                scope["souk.identity"] = identity
                return
            agent = {"per_agent": str(identity.agent_id)} if isinstance(identity, Caller) else {}
            standing, passes = await limiter.count(per_address=address, **agent)
        else:
            key = None
            try:
                key = presented_key(header(scope["headers"], b"authorization"))
            except DomainError as refused:
                # Counted first, so that guessing keys is limited like everything else.
                invalid = refused
            owner, standing, passes = await limiter.admit(address, key)
            if owner is not None:
                identity = identity_of(owner)
            elif key is not None:
                invalid = AUTH_INVALID.error()
        scope["souk.standing"] = standing
        if not passes:
            refuse(standing)
        if invalid is not None and scope["path"] not in _ASKS_FOR_KEYS:
            raise invalid
        scope["souk.identity"] = identity


def _is_open(scope: Scope) -> bool:
    path = scope["path"]
    return path.startswith(_OPEN) and (path != METRICS or is_on_this_machine(scope))


def _is_free(path: str) -> bool:
    return path.startswith(_OPEN) or path.endswith("/stream")


class Shed:
    """Refuses at once what would only wait: more requests in flight than one process can answer in good time.

    Without it every request is accepted and all of them are slow. Streams have a limit of their own.
    """

    def __init__(self, app: ASGIApp, max_in_flight: int) -> None:
        self.app = app
        self.max_in_flight = max_in_flight
        self.in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "souk.within" in scope or _is_free(scope["path"]):
            await self.app(scope, receive, send)
            return
        if self.in_flight >= self.max_in_flight:
            await problem_response(UNAVAILABLE.error(), Request(scope))(scope, receive, send)
            return
        self.in_flight += 1
        place = scope["souk.place"] = Place(self)
        try:
            await self.app(scope, receive, send)
        finally:
            place.give_up()
