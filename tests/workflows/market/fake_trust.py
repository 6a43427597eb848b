"""StoreTrust's activity and the nudges over the books."""

from datetime import datetime
from uuid import UUID

from temporalio.client import Client

from activities.market.signatures import NudgeActivities, TrustActivities
from activities.market.waking import open_window, wake
from activities.platform.workflows import signal_process
from domain.market import errors
from domain.market.commands import StoreTrustStart, Tell, TrustFold
from domain.market.processes import review_window_process
from tests.workflows.market.books import STORE, Books


class FakeTrust(TrustActivities):
    def __init__(self, books: Books) -> None:
        self._books = books
        self._decays_at: datetime | None = None

    async def fold_trust(self, start: StoreTrustStart) -> TrustFold:
        books = self._books
        async with books.turn() as now:
            if start.store_id != STORE:
                raise errors.STORE_NOT_FOUND.error()
            taken = min(books.pending_facts, books.fold_batch)
            books.pending_facts -= taken
            books.folds.append(taken)
            more = taken == books.fold_batch
            if self._decays_at is None or now >= self._decays_at:
                self._decays_at = now + books.fold_within
            return TrustFold(store_id=STORE, facts=taken, overall_milli=500, more=more, deadline=self._decays_at)


class FakeNudges(NudgeActivities):
    """Trust and listings are only counted: what a nudge does to a process is tested where that process is."""

    def __init__(self, books: Books, client: Client, queue: str) -> None:
        self._books, self._client, self._queue = books, client, queue

    async def tell_processes(self, tell: Tell) -> None:
        async with self._books.turn():
            if tell.store_trust is not None:
                async with self._books.turn("tell_store_trust"):
                    pass
            if tell.void_window_of is not None:
                await signal_process(self._client, review_window_process(tell.void_window_of))
            if tell.review_window is not None:
                tell_window = wake if tell.review_window.opened is None else open_window
                await tell_window(self._client, tell.review_window, task_queue=self._queue)

    async def nudge_negotiations_on_listing(self, listing_id: UUID) -> int:
        async with self._books.turn():
            return 0
