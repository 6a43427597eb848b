"""The market under load: merchants and customers who trade by chance, from one seed, until told to stop.

They use everything that writes: registration, stores, products, listings, questions, offers, counters, accepts,
declines, withdrawals, orders, deliveries, cancellations, refunds, appeals and their decisions by an operator, blocks,
reviews, price and stock changes.
Every choice is drawn from the agent's own generator, so a seed gives the same agents with the same habits.
"""

import asyncio

from souk.drills.crowd_agents import Surroundings
from souk.drills.crowd_buyers import Customer
from souk.drills.crowd_sellers import Merchant, Operator
from souk.drills.ledger import Ledger


class Crowd(Surroundings):
    """All agents of a drill. ``run`` ends some time after ``stop``: everyone finishes what they are at."""

    def __init__(
        self, api: str, ledger: Ledger, seed: int, *, merchants: int, customers: int, operator_key: str
    ) -> None:
        super().__init__(api, ledger, seed)
        self._operator_key = operator_key
        self.merchants = merchants
        self.customers = customers

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self.merchants):
                    group.create_task(Merchant(self, number).live())
                for number in range(self.customers):
                    group.create_task(Customer(self, number).live())
                group.create_task(Operator(self, self._operator_key).live())
        finally:
            self.stop()

    def cut_clients(self) -> None:
        self.transport.cut()
