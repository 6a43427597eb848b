"""What all agents of the crowd share: the market they are in, and how each of them acts."""

import asyncio
from random import Random  # noqa: TID251 - seeded: a load, not a rule

from souk.drills.ledger import CuttableTransport, GoodClient, Ledger
from souk_client.calls import Json
from souk_client.repeating import new_registration_secret


class Surroundings:
    """Where the agents of a drill meet."""

    def __init__(self, api: str, ledger: Ledger, seed: int) -> None:
        self.api = api
        self.ledger = ledger
        self.seed = seed
        self.transport = CuttableTransport(ledger)
        self.listings: list[Json] = []
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def client(self, key: str | None) -> GoodClient:
        return GoodClient(self.api, key, self.ledger, self.transport)


class CrowdAgent:
    role = ""

    def __init__(self, crowd: Surroundings, number: int) -> None:
        self.crowd = crowd
        self.number = number
        self.dice = Random(f"{crowd.seed}/{self.role}/{number}")  # noqa: S311 - a load, not a secret
        self.client = crowd.client(None)
        self._count = 0

    def marker(self, what: str) -> str:
        """A text that occurs once in the whole drill."""
        self._count += 1
        return f"{what} {self.crowd.seed}-{self.role.lower()}-{self.number}-{self._count}"

    async def register(self) -> bool:
        handle = self.marker("drill").replace(" ", "-")
        body = {"agent_type": self.role, "handle": handle, "display_name": handle}
        body["registration_secret"] = new_registration_secret()  # without it no repetition could get the key
        anyone = self.crowd.client(None)
        made = await anyone.write("register", "POST", "/v1/agents", body)
        if made is None:
            return False
        self.client = self.crowd.client(made["api_key"])
        self.client.agent_id = made["agent"]["agent_id"]
        return True

    async def rest(self, shortest: float, longest: float) -> None:
        await asyncio.sleep(self.dice.uniform(shortest, longest))

    def likely(self, share: float) -> bool:
        return self.dice.random() < share

    async def act(self, kind: str, path: str, subject: str, body: Json | None = None) -> Json | None:
        return await self.client.write(kind, "POST", path, body or {}, subject)
