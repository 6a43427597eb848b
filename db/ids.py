"""Keys are UUIDv7: their order follows the clock, which keeps indexes dense."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    return uuid7()
