"""What checkout sessions add to every sweep: overdue ones are woken, old personal data is deleted."""

from uuid import UUID

from temporalio.client import Client

from activities.checkout.telling import wake_checkout
from activities.unanswered import Unanswered
from db.checkout.housekeeping import delete_personal_data
from db.checkout.sessions import list_overdue_checkouts
from db.checkout.tables import CheckoutRow
from db.platform.tables import ProcessedCommand
from db.session import Database
from domain.checkout.commands import CheckoutStart
from domain.checkout.policy import CheckoutPolicy
from domain.checkout.processes import CHECKOUT_COMMANDS, checkout_process
from domain.market.policy import MarketPolicy

_BATCH = 500


class CheckoutSweep:
    """Finds what stands still, and personal data past its time."""

    def __init__(self, database: Database, client: Client, policy: CheckoutPolicy, market: MarketPolicy) -> None:
        self._database = database
        self._client = client
        self._policy = policy
        self._market = market
        self._unanswered = Unanswered(
            CHECKOUT_COMMANDS, lambda command: checkout_process(command.entity_id), self._start_commanded
        )

    async def sweep(self) -> int:
        """How many processes were woken."""
        async with self._database.transaction() as session:
            # Before it writes: readers of the feeds wait for every transaction that has written.
            overdue = [(row.checkout_id, row.store_id) for row in await list_overdue_checkouts(session, _BATCH)]
            await delete_personal_data(session, self._policy.personal_data_days)
        for checkout_id, store_id in overdue:
            await self._wake(checkout_id, store_id)
        return len(overdue) + await self._unanswered.tell(self._database, self._client)

    async def _start_commanded(self, command: ProcessedCommand) -> bool:
        async with self._database.transaction() as session:
            row = await session.get(CheckoutRow, command.entity_id)
        if row is None or row.closed_at is not None:
            return False
        await self._wake(row.checkout_id, row.store_id)
        return True

    async def _wake(self, checkout_id: UUID, store_id: UUID) -> None:
        start = CheckoutStart(checkout_id=checkout_id, store_id=store_id, policy=self._policy, market=self._market)
        await wake_checkout(self._client, start)
