"""Operators' keys."""

import psycopg

from db.platform.database import Database
from db.platform.ids import new_id
from db.platform.keys import format_key, insert_key, random_secret
from db.platform.tables import ApiKeyKind
from souk.stack.errors import StackError


async def make_operator_key(url: str, label: str) -> str:
    """Write a new one by a role that may. Returns it, once: only its hash is stored.

    Raises StackError when it cannot be written.
    """
    key_id, secret = new_id(), random_secret()
    database = Database(url, 1, "souk-operator")
    try:
        async with database.session() as session:
            insert_key(session, key_id, ApiKeyKind.OPERATOR, None, label, secret)
    except psycopg.Error as error:
        raise StackError(f"the key cannot be written: {error}") from error
    finally:
        await database.close()
    return format_key(key_id, secret)
