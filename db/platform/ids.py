"""Keys are UUIDv7: their order follows the clock, which keeps indexes dense. But for agents' ids.

Everybody sees an agent's id, and the time in it would tell an offer made right after a registration from others'.
"""

from uuid import UUID, uuid4  # noqa: TID251 - here is where ids are made

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    return uuid7()


def new_agent_id() -> UUID:
    """Random: it tells no time."""
    return uuid4()
