"""The customer agents of shopping platforms: one per profile URL, made at first contact.

Guards that two first contacts at once make one agent: the profile's URL is unique, and whoever comes second
takes what the first made. The address for the platform's orders follows its profile.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from psycopg import IntegrityError
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.checkout.tables import CheckoutPlatform
from db.market.agents import insert_agent
from db.platform.database import Database
from db.platform.ids import new_agent_id
from db.platform.transactions import Transaction
from db.webhooks.endpoints import delete_format, ensure_endpoint
from domain.platform.identity import AgentType
from domain.webhooks.states import WebhookFormat, WebhookSource

_NAME_CHARACTERS = 120
# Before it is known there is no viewer that could see its row.
_BY_PROFILE = text("SELECT agent_id, webhook_url FROM souk_find_platform(:profile_url)")


@dataclass(frozen=True, slots=True)
class KnownPlatform:
    """``moved`` is the webhook whose address has just changed, if one has."""

    agent_id: UUID
    moved: UUID | None = None


async def find_or_make_platform(
    database: Database,
    profile_url: str,
    webhook_url: str | None,
    types: Sequence[str],
    admit: Callable[[], Awaitable[None]],
) -> KnownPlatform:
    """The platform with this profile, its agent made if need be; orders go to ``webhook_url`` from now on.

    ``types`` are the inbox events that its orders are told by. The caller has checked the address. ``admit`` is
    asked before an agent is made, and raises when none is to be.
    """
    async with database.session() as session:
        found = await _find(session, profile_url)
    if found is None:
        await admit()
        found = (await _make(database, profile_url), None)
    agent_id, known_url = found
    if known_url == webhook_url:
        return KnownPlatform(agent_id)
    async with database.session(viewer=agent_id) as session:
        change = update(CheckoutPlatform).where(CheckoutPlatform.agent_id == agent_id)
        await session.execute(change.values(webhook_url=webhook_url))
        transaction = await Transaction.of(session)
        if webhook_url is None:
            await delete_format(transaction, agent_id, WebhookFormat.UCP_ORDER)
            return KnownPlatform(agent_id)
        source, format_ = WebhookSource.INBOX, WebhookFormat.UCP_ORDER
        return KnownPlatform(
            agent_id, await ensure_endpoint(transaction, agent_id, webhook_url, source, format_, types)
        )


async def _find(session: AsyncSession, profile_url: str) -> tuple[UUID, str | None] | None:
    row = (await session.execute(_BY_PROFILE, {"profile_url": profile_url})).first()
    return None if row is None else (row[0], row[1])


async def _make(database: Database, profile_url: str) -> UUID:
    agent_id = new_agent_id()
    try:
        async with database.session(viewer=agent_id) as session:
            # The handle tells nothing and cannot be taken beforehand by someone who knows the profile.
            handle = f"ucp-{secrets.token_hex(10)}"
            name = (urlsplit(profile_url).hostname or "a platform")[:_NAME_CHARACTERS]
            await insert_agent(
                await Transaction.of(session), agent_id, AgentType.CUSTOMER, handle, name, "Shops through UCP.", None
            )
            session.add(CheckoutPlatform(agent_id=agent_id, profile_url=profile_url, profile={}, webhook_url=None))
    except IntegrityError:
        async with database.session() as session:
            found = await _find(session, profile_url)
        if found is None:
            raise
        return found[0]
    return agent_id
