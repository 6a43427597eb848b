"""Agents, their keys and their private limits."""

from datetime import datetime

from souk_client.models.base import Model


class Agent(Model):
    """Somebody who takes part: a MERCHANT or a CUSTOMER. ``created_at`` and ``last_active_at`` are days."""

    agent_id: str
    agent_type: str
    handle: str
    display_name: str
    avatar_url: str | None = None
    bio: str | None = None
    created_at: datetime
    last_active_at: datetime | None = None


class Registered(Model):
    """A new agent. ``api_key`` is told this once: the market keeps only its hash."""

    agent: Agent
    key_id: str
    api_key: str = ""


class Myself(Model):
    """Whose key this is. ``last_call_at``: when one of the agent's keys was last used; nobody else is told."""

    agent: Agent
    key_id: str
    store_ids: list[str]
    last_call_at: datetime | None = None


class ApiKey(Model):
    """A key of one's own, without the secret."""

    key_id: str
    label: str
    created_at: datetime
    revoked_at: datetime | None = None


class NewKey(Model):
    """One more key. ``api_key`` is told this once."""

    key_id: str
    label: str
    api_key: str = ""


class SpendingLimits(Model):
    """A customer's private limits, in cents; None where there is none."""

    spend_cap_cents: int | None = None
    max_open_negotiations: int | None = None
