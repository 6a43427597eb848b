"""The customer agents of shopping platforms: one per profile URL, made at first contact.

Guards that two first contacts at once make one agent: the profile's URL is unique, and whoever comes second
takes what the first made.
"""

import secrets
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from db.checkout.tables import CheckoutPlatform
from db.ids import new_id
from db.market.agents import insert_agent
from db.session import Database
from domain.market.states import AgentType

_NAME_CHARACTERS = 120


async def agent_of_platform(database: Database, profile_url: str, webhook_url: str | None) -> UUID:
    """The agent of the platform with this profile, made if need be; keeps the address for its orders current."""
    async with database.transaction() as session:
        found = await _keep_webhook(session, profile_url, webhook_url)
    if found is not None:
        return found
    agent_id = new_id()
    try:
        async with database.transaction(viewer=agent_id) as session:
            # The handle tells nothing and cannot be taken beforehand by someone who knows the profile.
            handle = f"ucp-{secrets.token_hex(10)}"
            name = (urlsplit(profile_url).hostname or "a platform")[:_NAME_CHARACTERS]
            await insert_agent(session, agent_id, AgentType.CUSTOMER, handle, name, "Shops through UCP.", None)
            session.add(
                CheckoutPlatform(agent_id=agent_id, profile_url=profile_url, profile={}, webhook_url=webhook_url)
            )
    except IntegrityError:
        async with database.transaction() as session:
            found = await _keep_webhook(session, profile_url, webhook_url)
        if found is None:
            raise
        return found
    return agent_id


async def _keep_webhook(session: AsyncSession, profile_url: str, webhook_url: str | None) -> UUID | None:
    query = select(CheckoutPlatform.agent_id, CheckoutPlatform.webhook_url)
    row = (await session.execute(query.where(CheckoutPlatform.profile_url == profile_url))).first()
    if row is None:
        return None
    agent_id: UUID = row[0]
    if row[1] != webhook_url:
        change = update(CheckoutPlatform).where(CheckoutPlatform.agent_id == agent_id)
        await session.execute(change.values(webhook_url=webhook_url))
    return agent_id
