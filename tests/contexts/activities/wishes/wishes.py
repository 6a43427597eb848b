"""Activities of the Wish workflow."""

from db.locks import clock
from db.platform.database import Database
from tests.contexts.activities.wishes.signatures import WishActivities
from tests.contexts.db.wishes.wishes import close_wish, lock_wish
from tests.contexts.domain.wishes.wishes import WISH_NOT_FOUND, WishSnapshot, WishStart, has_lapsed


class PostgresWishActivities(WishActivities):
    """The real ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def settle_wish(self, start: WishStart) -> WishSnapshot:
        async with self._database.transaction() as transaction:
            wish = await lock_wish(transaction, start.wish_id)
            if wish is None:
                raise WISH_NOT_FOUND.error()
            if wish.closed_at is None and has_lapsed(wish.lapses_at, await clock(transaction)):
                wish = await close_wish(transaction, start.wish_id)
            return WishSnapshot(wish_id=wish.wish_id, deadline=None if wish.closed_at else wish.lapses_at)
