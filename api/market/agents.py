"""Agents: registration, keys, private limits."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from api.context import Context
from api.errors import errors
from api.platform.auth import AnyAgent, Caller, Customer
from api.platform.idempotency import Fact, FactDep
from api.platform.limits import limit
from api.platform.schemas import AmountOrZero, Name, Note, RequestModel, ResponseModel, Url, example
from db.market import agents
from db.market.tables import Agent
from db.platform import keys
from db.platform.ids import new_agent_id, new_id
from db.platform.tables import ApiKeyKind
from domain.market.errors import AGENT_NOT_FOUND, HANDLE_TAKEN
from domain.platform.errors import ALREADY_REGISTERED, KEY_NOT_FOUND, SECRET_NOT_REPEATED
from domain.platform.identity import NOT_A_CUSTOMER, AgentType
from domain.platform.numbers import Whole

router = APIRouter(prefix="/v1/agents", tags=["agents"])

_AGENT = {
    "agent_id": "01920000-0000-7000-8000-000000000001",
    "agent_type": "CUSTOMER",
    "handle": "ana",
    "display_name": "Ana",
    "avatar_url": None,
    "bio": "Collects maps.",
    "created_at": "2026-01-05T00:00:00Z",
    "last_active_at": None,
}
_API_KEY = "souk_0192000000007000800000000000000a_q83vEjRWeJq83vEjRWeJq83vEjRWeJq83vEjRWeJ0A8"
_KEY_ID = "01920000-0000-7000-8000-00000000000a"


Handle = Annotated[str, StringConstraints(min_length=2, max_length=64, pattern=r"^[_.\-]*[A-Za-z0-9][A-Za-z0-9_.\-]*$")]
"""ASCII only: a Cyrillic letter that looks like a Latin one would let an agent pass for another. The database refuses
what looks like another's handle (``souk_handle_skeleton``)."""


Secret = Annotated[str, StringConstraints(max_length=256, pattern=r"^[\x21-\x7e]{32,256}$")]


class AgentIn(RequestModel):
    agent_type: AgentType
    handle: Handle
    display_name: Name
    bio: Note | None = None
    avatar_url: Url | None = None
    registration_secret: Secret | None = Field(
        default=None,
        repr=False,
        description="made at random by the caller, 32 to 256 visible ASCII characters: whoever repeats the request "
        "with it and the same Idempotency-Key gets the same API key again. Kept only as a part of hashes.",
        json_schema_extra={"format": "password", "writeOnly": True},
    )
    model_config = example(
        {
            "agent_type": "CUSTOMER",
            "handle": "ana",
            "display_name": "Ana",
            "bio": "Collects maps.",
            "registration_secret": "a-random-text-of-at-least-32-characters",
        }
    )


class AgentOut(ResponseModel):
    """What everybody may know of an agent. ``created_at`` and ``last_active_at`` are days, in UTC, and no times.

    ``last_active_at`` is that of its newest event in the feed.
    """

    agent_id: UUID
    agent_type: AgentType
    handle: str
    display_name: str
    avatar_url: str | None
    bio: str | None
    created_at: datetime
    last_active_at: datetime | None
    model_config = example(_AGENT)

    @classmethod
    def of(cls, agent: Agent, last_active_at: datetime | None = None) -> Self:
        beside = {"created_at", "last_active_at"}
        own = {name: getattr(agent, name) for name in cls.model_fields if name not in beside}
        return cls(**own, created_at=agents.day_of(agent.created_at), last_active_at=last_active_at)


class Registered(ResponseModel):
    """``api_key`` is shown by this answer only, and to a repetition that proves itself; its hash alone is kept."""

    agent: AgentOut
    key_id: UUID
    api_key: str = ""
    model_config = example({"agent": _AGENT, "key_id": _KEY_ID, "api_key": _API_KEY})


class Myself(ResponseModel):
    """``last_call_at``: when one of the agent's keys was last used, to the minute or so. Only ever shown to itself."""

    agent: AgentOut
    key_id: UUID
    store_ids: list[UUID]
    last_call_at: datetime | None = None
    model_config = example(
        {"agent": _AGENT, "key_id": _KEY_ID, "store_ids": [], "last_call_at": "2026-01-05T10:00:00Z"}
    )


class KeyIn(RequestModel):
    label: Name = "key"
    model_config = example({"label": "second machine"})


class KeyOut(ResponseModel):
    key_id: UUID
    label: str
    created_at: datetime
    revoked_at: datetime | None
    model_config = example(
        {"key_id": _KEY_ID, "label": "second machine", "created_at": "2026-01-05T10:00:00Z", "revoked_at": None}
    )


class NewKey(ResponseModel):
    key_id: UUID
    label: str
    api_key: str = ""
    model_config = example({"key_id": _KEY_ID, "label": "second machine", "api_key": _API_KEY})


class Keys(ResponseModel):
    items: list[KeyOut]
    next_cursor: str | None = None


class LimitsIn(RequestModel):
    spend_cap_cents: AmountOrZero | None = None
    max_open_negotiations: Annotated[int, Whole(0, 10_000)] | None = None
    model_config = example({"spend_cap_cents": 20_000, "max_open_negotiations": 5})


class LimitsOut(ResponseModel):
    """Private: only ever shown to the agent itself. Null is no limit of one's own."""

    spend_cap_cents: int | None = None
    max_open_negotiations: int | None = None
    model_config = example({"spend_cap_cents": 20_000, "max_open_negotiations": 5})


class _Credential:
    """A new key's secret, the same again for a repetition, and never stored."""

    def __init__(self, fact: Fact) -> None:
        self._idempotency_key = fact.key
        self._derivation = fact.context.settings.credential_secret.get_secret_value().encode()
        self._random = keys.random_secret()

    def secret(self, key_id: UUID) -> bytes:
        if self._idempotency_key is None:
            return self._random
        return keys.derived_secret(self._derivation, key_id, self._idempotency_key)

    def shown(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer with the secret in it."""
        key_id = UUID(answer["key_id"])
        return {**answer, "api_key": keys.format_key(key_id, self.secret(key_id))}


@router.post(
    "",
    status_code=201,
    response_model=Registered,
    responses=errors(HANDLE_TAKEN, ALREADY_REGISTERED, SECRET_NOT_REPEATED),
    dependencies=[limit("registrations_per_address")],
    openapi_extra={"security": [{}]},  # besides the scheme: a key may be sent and is not needed
)
async def register_agent(body: AgentIn, fact: FactDep) -> Response:
    """Register, and get an API key. Bring a ``registration_secret``: then a repetition gets the same key again.

    Without one a repetition is told that it happened, and no key: nothing tells it from a stranger's request.
    """
    await fact.prove(body.registration_secret)
    credential = _Credential(fact)

    async with fact.begin(credential.shown):
        values = body.model_dump(exclude={"registration_secret"})
        agent = await agents.insert_agent(fact.transaction, new_agent_id(), **values)
        key_id = new_id()
        keys.insert_key(fact.session, key_id, ApiKeyKind.AGENT, agent.agent_id, "first", credential.secret(key_id))
        return await fact.answer(Registered(agent=AgentOut.of(agent), key_id=key_id), 201)


@router.get("/me", responses=errors())
async def who_am_i(caller: AnyAgent, context: Context) -> Myself:
    """The caller itself, and its stores."""
    async with context.database.transaction(viewer=caller.agent_id) as transaction:
        agent = await agents.get_agent(transaction, caller.agent_id)
        shown = AgentOut.of(agent, await agents.last_active_day(transaction, caller.agent_id))
        stores = await agents.list_store_ids(transaction, caller.agent_id)
        last_call = await agents.get_last_call(transaction)
    return Myself(agent=shown, key_id=caller.key_id, store_ids=stores, last_call_at=last_call)


@router.get("/me/keys", responses=errors())
async def list_my_keys(caller: AnyAgent, context: Context) -> Keys:
    """The caller's keys, revoked ones too; never their secrets."""
    async with context.database.transaction(viewer=caller.agent_id) as transaction:
        rows = await keys.list_keys(transaction, caller.agent_id)
    return Keys(items=[KeyOut.model_validate(row) for row in rows])


@router.post("/me/keys", status_code=201, response_model=NewKey, responses=errors(SECRET_NOT_REPEATED))
async def make_key(body: KeyIn, caller: AnyAgent, fact: FactDep) -> Response:
    """One more key for the caller. To rotate: make one, use it, revoke the old one."""
    credential = _Credential(fact)

    async with fact.begin(credential.shown):
        key_id, secret = fact.command_id, credential.secret(fact.command_id)
        keys.insert_key(fact.session, key_id, ApiKeyKind.AGENT, caller.agent_id, body.label, secret)
        return await fact.answer(NewKey(key_id=key_id, label=body.label), 201)


@router.delete("/me/keys/{key_id}", status_code=204, responses=errors(KEY_NOT_FOUND))
async def revoke_key(key_id: UUID, caller: AnyAgent, context: Context) -> Response:
    """Revoke one of the caller's keys, the one in use too. Revoked keys stay listed."""
    async with context.database.transaction(viewer=caller.agent_id) as transaction:
        if not await keys.revoke_key(transaction, caller.agent_id, key_id):
            raise KEY_NOT_FOUND.error()
    return Response(status_code=204)


@router.put("/me/limits", responses=errors(NOT_A_CUSTOMER))
async def put_my_limits(body: LimitsIn, caller: Customer, context: Context) -> LimitsOut:
    """Replace the caller's private limits. The market enforces them; nobody else ever sees them."""
    async with context.database.transaction(viewer=caller.agent_id) as transaction:
        await agents.put_agent_limits(transaction, caller.agent_id, **body.model_dump())
    return LimitsOut(**body.model_dump())


@router.get("/me/limits", responses=errors(NOT_A_CUSTOMER))
async def get_my_limits(caller: Customer, context: Context) -> LimitsOut:
    """The caller's private limits."""
    return await _limits(caller, context)


async def _limits(caller: Caller, context: Context) -> LimitsOut:
    async with context.database.transaction(viewer=caller.agent_id) as transaction:
        row = await agents.get_agent_limits(transaction, caller.agent_id)
    return LimitsOut() if row is None else LimitsOut.model_validate(row)


@router.get("/{agent_id}", responses=errors(AGENT_NOT_FOUND))
async def get_agent(agent_id: UUID, context: Context) -> AgentOut:
    """An agent's public profile."""
    async with context.database.transaction() as transaction:
        agent = await agents.get_agent(transaction, agent_id)
        return AgentOut.of(agent, await agents.last_active_day(transaction, agent_id))
