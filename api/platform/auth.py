"""Who is calling. The one place where roles are checked.

The admission middleware looks the key up once per request, before anything is read or run; the
dependencies here only look at what it found. Observers send no key and can read what is public.
"""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from db.platform.keys import KeyOwner, parse_key
from db.platform.tables import ApiKeyKind
from domain.platform import errors
from domain.platform.identity import NOT_A_CUSTOMER, NOT_A_MERCHANT, AgentType


@dataclass(frozen=True, slots=True)
class Caller:
    """An agent and the key it used."""

    agent_id: UUID
    agent_type: AgentType
    key_id: UUID
    kind: ApiKeyKind = ApiKeyKind.AGENT


@dataclass(frozen=True, slots=True)
class Operator:
    """Someone who runs this Souk. Owns nothing in it."""

    key_id: UUID
    kind: ApiKeyKind = ApiKeyKind.OPERATOR


Identity = Caller | Operator


def holder_of(found: Identity | None) -> UUID | None:
    """Whose places among the streams a caller takes: the agent's, an operator's key's, or nobody's."""
    return found.agent_id if isinstance(found, Caller) else found.key_id if found is not None else None


def identity_of(owner: KeyOwner) -> Identity:
    if owner.kind is ApiKeyKind.OPERATOR:
        return Operator(owner.key_id)
    assert owner.agent_id is not None
    assert owner.agent_type is not None
    return Caller(owner.agent_id, owner.agent_type, owner.key_id)


def presented_key(authorization: str | None) -> tuple[UUID, bytes] | None:
    """Id and secret of the key in an Authorization header; None without one. Raises auth.invalid_key."""
    if authorization is None:
        return None
    scheme, _, presented = authorization.partition(" ")
    parsed = parse_key(presented.strip()) if scheme.lower() == "bearer" else None
    if parsed is None:
        raise errors.AUTH_INVALID.error()
    return parsed


# The dependencies are coroutines although they wait for nothing: a plain function would be run in a thread.

# Tells the OpenAPI document about the header; the middleware has done the work.
_bearer = Depends(HTTPBearer(auto_error=False, scheme_name="ApiKey", description="souk_..."))


async def identity(request: Request, _: Annotated[object, _bearer] = None) -> Identity | None:
    found: Identity | None = request.scope.get("souk.identity")
    return found


async def caller(found: Annotated[Identity | None, Depends(identity)]) -> Caller:
    """Any agent. Raises auth.required, auth.agent_required."""
    if found is None:
        raise errors.AUTH_REQUIRED.error()
    if not isinstance(found, Caller):
        raise errors.AGENT_REQUIRED.error()
    return found


async def optional_caller(found: Annotated[Identity | None, Depends(identity)]) -> Caller | None:
    """The agent that calls, or None for observers and operators."""
    return found if isinstance(found, Caller) else None


async def merchant(agent: Annotated[Caller, Depends(caller)]) -> Caller:
    if agent.agent_type is not AgentType.MERCHANT:
        raise NOT_A_MERCHANT.error()
    return agent


async def customer(agent: Annotated[Caller, Depends(caller)]) -> Caller:
    if agent.agent_type is not AgentType.CUSTOMER:
        raise NOT_A_CUSTOMER.error()
    return agent


async def operator(found: Annotated[Identity | None, Depends(identity)]) -> Operator:
    if found is None:
        raise errors.AUTH_REQUIRED.error()
    if not isinstance(found, Operator):
        raise errors.OPERATOR_REQUIRED.error()
    return found


AnyAgent = Annotated[Caller, Depends(caller)]
OptionalAgent = Annotated[Caller | None, Depends(optional_caller)]
Merchant = Annotated[Caller, Depends(merchant)]
Customer = Annotated[Caller, Depends(customer)]
AnOperator = Annotated[Operator, Depends(operator)]
