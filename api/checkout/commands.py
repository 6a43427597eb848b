"""Idempotent commands of the protocol: as everywhere in the API, in the scope of the agent a request acts for."""

from typing import Annotated

from fastapi import Depends, Request

from api.checkout.platforms import TheBuyer
from api.context import Context
from api.platform.idempotency import Fact, ProcessCommand
from api.platform.idempotency_keys import KeyHeader


class UcpCommand(ProcessCommand):
    """A dependency for routes that tell a process what to do."""

    personal = True
    in_session = True

    def __init__(self, request: Request, context: Context, buyer: TheBuyer, key: KeyHeader = None) -> None:
        super().__init__(request, context, None, key)
        self.scope = buyer.agent_id


class UcpFact(Fact):
    """A dependency for routes that write one fact."""

    personal = True

    def __init__(self, request: Request, context: Context, buyer: TheBuyer, key: KeyHeader = None) -> None:
        super().__init__(request, context, None, key)
        self.scope = buyer.agent_id


UcpCommandDep = Annotated[UcpCommand, Depends()]
UcpFactDep = Annotated[UcpFact, Depends()]
