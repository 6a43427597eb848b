"""A town where checkouts are served too, and a shopper in it, who speaks to a Checkout as the API does."""

from typing import Any

from temporalio.client import WorkflowHandle

from activities.platform.attributes import search_attributes
from activities.platform.signatures import Activities
from domain.checkout.commands import (
    CancelCheckout,
    CheckoutStart,
    CompleteCheckout,
    CreateCheckout,
    UpdateCheckout,
)
from domain.checkout.models import ItemChoice, PaymentChoice
from domain.checkout.policy import CheckoutPolicy
from domain.checkout.processes import CHECKOUT, checkout_process
from domain.platform.commands import Command
from domain.platform.messages import Done
from domain.platform.workflows import NUDGE
from tests.workflows.checkout.fake_checkouts import FakeCheckouts, Session, Sessions
from tests.workflows.market.books import BUYER, LISTING, STORE
from tests.workflows.market.town import Town
from worker.checkout import PART

PAYS = PaymentChoice(handler_id="mock", credential={"token": "secret-of-the-buyer"})


class ShoppingTown(Town):
    """The market's town with sessions in it."""

    workflows = (*Town.workflows, *PART.workflows)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sessions = Sessions()

    def fakes(self) -> list[Activities]:
        return [*super().fakes(), FakeCheckouts(self.books, self.sessions)]


class Shopper:
    """One session."""

    def __init__(self, town: ShoppingTown, policy: CheckoutPolicy | None = None) -> None:
        self.town, self.policy = town, policy or CheckoutPolicy()
        self.checkout_id = town.key("checkout")

    @property
    def start(self) -> CheckoutStart:
        return CheckoutStart(checkout_id=self.checkout_id, store_id=STORE, policy=self.policy, market=self.town.policy)

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.town.client.get_workflow_handle(checkout_process(self.checkout_id))

    @property
    def session(self) -> Session:
        return self.town.sessions.rows[self.checkout_id]

    async def _send(self, command: Command) -> Done:
        return await self.town.send(CHECKOUT, checkout_process(self.checkout_id), self.start, command)

    async def open(self, *items: ItemChoice) -> Done:
        items = items or (ItemChoice(listing_id=LISTING),)
        return await self._send(CreateCheckout(command_id=self.checkout_id, agent_id=BUYER, items=items))

    async def open_nothing(self) -> Done:
        return await self._send(CreateCheckout(command_id=self.checkout_id, agent_id=BUYER))

    async def update(self, name: str = "update") -> Done:
        command = UpdateCheckout(command_id=self.town.key(name), checkout_id=self.checkout_id, agent_id=BUYER)
        return await self._send(command)

    async def cancel(self) -> Done:
        command = CancelCheckout(command_id=self.town.key("cancel"), checkout_id=self.checkout_id, agent_id=BUYER)
        return await self._send(command)

    async def complete(self, name: str = "complete") -> Done:
        command = CompleteCheckout(
            command_id=self.town.key(name), checkout_id=self.checkout_id, agent_id=BUYER, payment=PAYS
        )
        return await self._send(command)

    async def wake(self) -> None:
        """As the sweep does: the process is gone."""
        await self.town.client.start_workflow(
            CHECKOUT,
            self.start,
            id=checkout_process(self.checkout_id),
            task_queue=self.town.queue,
            start_signal=NUDGE,
            search_attributes=search_attributes(STORE, None, "RESUMED"),
        )
