"""API keys: ``souk_<key id, hex>_<secret, base64url>``. Only the SHA-256 of the secret is ever stored.

A secret has 256 random bits (or is an HMAC of as many), so a plain hash needs no salt and no stretching.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Uuid, any_, bindparam, column, func, select, table, update

from db.platform import writes
from db.platform.base import pg_enum
from db.platform.statements import Query
from db.platform.tables import ApiKey, ApiKeyKind, OperatorAuditEntry
from db.platform.transactions import Asks, Transaction, Unit
from domain.platform.identity import AgentType

_SHAPE = re.compile(r"souk_([0-9a-f]{32})_([A-Za-z0-9_-]{43})")


def random_secret() -> bytes:
    return secrets.token_bytes(32)


def derived_secret(credential_secret: bytes, key_id: UUID, idempotency_key: str) -> bytes:
    """The same secret again for the same request, without keeping it anywhere."""
    seed = key_id.bytes + hashlib.sha256(idempotency_key.encode()).digest()
    return hmac.digest(credential_secret, seed, "sha256")


def hash_secret(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()


def format_key(key_id: UUID, secret: bytes) -> str:
    return f"souk_{key_id.hex}_{base64.urlsafe_b64encode(secret).decode().rstrip('=')}"


def parse_key(presented: str) -> tuple[UUID, bytes] | None:
    """The id and the secret of a presented key, or None when it has another shape."""
    found = _SHAPE.fullmatch(presented)
    if found is None:
        return None
    return UUID(hex=found[1]), base64.urlsafe_b64decode(found[2] + "=")


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """Whose key it is. ``agent_id`` and ``agent_type`` are None for an operator's key."""

    key_id: UUID
    kind: ApiKeyKind
    agent_id: UUID | None
    agent_type: AgentType | None


# Agents are a context's to tell more of; here they own keys.
_agents = table(
    "agents",
    column("agent_id", Uuid),
    column("agent_type", pg_enum(AgentType, "agent_type")),
    column("last_active_at", DateTime(timezone=True)),
)
_OWNER = Query(
    select(ApiKey.c.kind, ApiKey.c.agent_id, ApiKey.c.secret_hash, _agents.c.agent_type)
    .outerjoin(_agents, _agents.c.agent_id == ApiKey.c.agent_id)
    .where(ApiKey.c.key_id == bindparam("key_id"), ApiKey.c.revoked_at.is_(None))
)


async def find_owner(asks: Asks, key_id: UUID, secret: bytes | None) -> KeyOwner | None:
    """The owner of a key that is not revoked and whose secret is right, in one query.

    ``secret`` None trusts the id: only for sessions that were signed after a full check.
    """
    row = await asks.one_or_none(_OWNER, key_id=key_id)
    if row is None or (secret is not None and not hmac.compare_digest(row.secret_hash, hash_secret(secret))):
        return None
    return KeyOwner(key_id, row.kind, row.agent_id, row.agent_type)


_FREE = (
    select(_agents.c.agent_id)
    .where(_agents.c.agent_id == any_(bindparam("agent_ids", type_=ARRAY(Uuid))))
    .with_for_update(key_share=True, skip_locked=True)
)
_TOUCH = Query(
    update(_agents)
    .where(_agents.c.agent_id.in_(_FREE), func.set_config("synchronous_commit", "off", True) == "off")
    .values(last_active_at=func.now())
)


async def touch_agents(asks: Asks, agent_ids: Collection[UUID]) -> None:
    """Note that agents are active. Never waits, for a lock or the disk: a locked row is touched another time."""
    if agent_ids:
        await asks.rows(_TOUCH, agent_ids=list(agent_ids))


def insert_key(unit: Unit, key_id: UUID, kind: ApiKeyKind, agent_id: UUID | None, label: str, secret: bytes) -> None:
    values: dict[str, Any] = {"key_id": key_id, "kind": kind, "agent_id": agent_id, "label": label}
    writes.insert(unit, ApiKey, **values, secret_hash=hash_secret(secret))


_OF_AGENT = Query(
    select(*ApiKey.columns)
    .where(ApiKey.c.agent_id == bindparam("agent_id"))
    .order_by(ApiKey.c.created_at, ApiKey.c.key_id),
    ApiKey,
)
_LIVING = Query(
    select(ApiKey.c.key_id).where(
        ApiKey.c.key_id == any_(bindparam("key_ids", type_=ARRAY(Uuid))), ApiKey.c.revoked_at.is_(None)
    ),
    UUID,
)
_REVOKE = (
    update(ApiKey.table)
    .where(ApiKey.c.key_id == bindparam("key"))
    .values(revoked_at=func.coalesce(ApiKey.c.revoked_at, func.now()))
    .returning(ApiKey.c.key_id)
)
_REVOKE_OF_AGENT = Query(_REVOKE.where(ApiKey.c.agent_id == bindparam("agent")), UUID)
_REVOKE_ANY = Query(_REVOKE, UUID)


async def list_keys(transaction: Transaction, agent_id: UUID) -> list[ApiKey]:
    return await transaction.rows(_OF_AGENT, agent_id=agent_id)


async def list_living(database: Asks, key_ids: Collection[UUID]) -> set[UUID]:
    """Those of these keys that are not revoked."""
    return set(await database.rows(_LIVING, key_ids=list(key_ids)))


async def revoke_key(transaction: Transaction, agent_id: UUID, key_id: UUID) -> bool:
    """Revoke an agent's key. Doing it again changes nothing. False when the agent has no such key."""
    return await transaction.one_or_none(_REVOKE_OF_AGENT, key=key_id, agent=agent_id) is not None


async def revoke_any_key(transaction: Transaction, key_id: UUID) -> bool:
    """Revoke a key of any kind. Doing it again changes nothing. False when there is no such key."""
    return await transaction.one_or_none(_REVOKE_ANY, key=key_id) is not None


def insert_audit_entry(
    unit: Unit, audit_id: UUID, key_id: UUID, action: str, reason: str, meta: dict[str, int | str]
) -> None:
    writes.insert(unit, OperatorAuditEntry, audit_id=audit_id, key_id=key_id, action=action, reason=reason, meta=meta)
