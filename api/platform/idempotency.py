"""Idempotency-Key on every POST: done once, answered the same as often as asked.

A route begins, which opens a transaction with the request's claim in it, and answers:

    async with fact.begin():
        thread = await insert_thread(fact.session, fact.command_id, ...)
        return await fact.answer(ThreadOut.model_validate(thread), 201)

A fact and its record are one transaction: a crash leaves both or neither. A command to a workflow cannot be. Its claim
is committed first, with a lease; its ``command_id`` is the update id and the new entity's id, so an attempt that was
cut off is taken up again under the same id and the workflow answers what it answered before. What is raised in the
block rolls back what is open. Refusals are answers and are kept too, except those a caller can cure without changing
the request: who it is, how often it asks, what is away.

A record belongs to whoever proved to be the caller: an agent, an operator, or a secret that a stranger brings. A
secret in an answer is never stored, and told again only to the credential that asked first.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import psycopg
from fastapi import Depends, Request
from pydantic import BaseModel
from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.context import AppContext, Context
from api.errors import document, refusal_of, refusal_text
from api.platform.auth import Caller, Identity, Operator, identity
from api.platform.idempotency_keys import KeyHeader, check_key, is_kept, request_hash, stranger_scope
from db.platform import idempotency as records
from db.platform.ids import new_id
from db.platform.outages import may_have_misjudged
from db.platform.reading import Asked, One, Row
from db.platform.transactions import Transaction
from domain.platform import errors
from domain.platform.commands import Command
from domain.platform.errors import DomainError

_REPLAYED = "Idempotent-Replayed"
_LOOK_AGAIN_SECONDS = 1.0
_MARGIN_SECONDS = 1.0
"""A check and its refusal take less."""
Secret = Callable[[dict[str, Any]], dict[str, Any]]
"""An answer with the secret in it, which is told and not stored."""


class AnsweredError(Exception):
    """Ends a route whose request was answered before. ``response`` is that answer."""

    def __init__(self, response: Response) -> None:
        super().__init__("the request was answered before")
        self.response = response


async def answer_again(_: Request, error: Exception) -> Response:
    """The application's handler of ``AnsweredError``."""
    assert isinstance(error, AnsweredError)
    return error.response


class Attempt:
    """One attempt at a request that is done once.

    ``command_id`` is the same for every attempt of the request. ``resumed``: an earlier attempt began and did not end,
    so skip checks made only for politeness. ``transaction`` shows the caller's rows, ``session`` is the same where
    there is one. ``scope``: where the request's record lives.
    """

    personal: ClassVar[bool] = False
    """Whether answers hold personal data, which is not kept as long as other answers."""
    in_session: ClassVar[bool] = False
    """Whether transactions are a session's, for what takes nothing else yet."""

    transaction: Transaction
    session: AsyncSession

    def __init__(self, request: Request, context: AppContext, found: Identity | None, key: str | None) -> None:
        if key is not None:
            check_key(key)
        self.request = request
        self.context = context
        self.key = key
        self.found = found
        self.command_id = new_id()
        self.resumed = False
        self._secret: Secret | None = None
        self._opened = AsyncExitStack()
        self._is_open = self._committed = self._answered = False
        match found:
            case Caller():
                self.scope = found.agent_id
            case Operator():
                self.scope = found.key_id
            case None:
                # Nobody yet: what is remembered under a fresh scope is found by no other request.
                self.scope = new_id()

    @asynccontextmanager
    async def _begin(self, lease_seconds: float | None) -> AsyncIterator[None]:
        try:
            async with self._opened:
                await self.open()
                if self.key is not None:
                    claim = await self._claim(self.transaction, lease_seconds)
                    self.command_id, self.resumed = claim.command_id, claim.resumed
                yield
                assert self._answered, "a route ends its attempt with an answer"
        except Exception as error:
            refused = refusal_of(error)
            if refused is not None and is_kept(refused) and not self._answered:
                await self._keep_refusal(refused)
            raise
        finally:
            if self.key is not None and self._committed and not self._answered:
                await self._release()

    async def open(self) -> None:
        """Open a transaction; an attempt begins with one."""
        database = self.context.database
        if self.in_session:
            self.session = await self._opened.enter_async_context(database.session(viewer=self.scope))
            self.transaction = await Transaction.of(self.session)
        else:
            self.transaction = await self._opened.enter_async_context(database.transaction(viewer=self.scope))
        self._is_open = True

    async def commit(self) -> None:
        """Commit what is open. What is raised after a command's claim is committed is kept, or gives its lease up."""
        self._is_open = False
        await self._opened.aclose()
        self._committed = True

    async def answer(self, shown: BaseModel, status: int = 200) -> Response:
        """Keep the answer in the open transaction, or in one of its own where none is open, and commit."""
        text = shown.model_dump_json()
        if self.key is not None:
            if not self._is_open:
                await self.open()
            if self.in_session:
                await self.session.flush()
            told = self._credential if self._secret else None
            await records.complete(self.transaction, self.command_id, status, text, personal=self.personal, told=told)
        await self.commit()
        self._answered = True
        return document(status, _with(self._secret, text) if self._secret else text, scope=self.request.scope)

    async def _claim(self, transaction: Transaction, lease_seconds: float | None) -> records.Claim:
        """Raises idempotency.in_flight, idempotency.key_reused; AnsweredError where the request was answered."""
        assert self.key is not None
        found = await records.claim(
            transaction,
            self.scope,
            records.hash_key(self.key),
            await request_hash(self.request),
            lease_seconds,
            self.context.presence.holder,
        )
        match found:
            case records.InFlight():
                # A holder that dies meanwhile is noticed at the next try, long before its lease ends.
                soon = min(found.seconds_left, _LOOK_AGAIN_SECONDS)
                raise errors.IDEMPOTENCY_IN_FLIGHT.error(retry_after_seconds=soon)
            case records.Reused():
                raise errors.IDEMPOTENCY_KEY_REUSED.error()
            case records.Stored():
                self._answered = True
                raise AnsweredError(self._told_again(found))
        return found

    def _told_again(self, stored: records.Stored) -> Response:
        if self._secret is not None and stored.status_code < 400:
            self._check_told(stored)
            stored = replace(stored, text=_with(self._secret, stored.text))
        answer = document(stored.status_code, stored.text, scope=self.request.scope)
        answer.headers[_REPLAYED] = "true"
        return answer

    def _check_told(self, stored: records.Stored) -> None:
        """Raises idempotency.secret_not_repeated."""
        if stored.told != self._credential:
            raise errors.SECRET_NOT_REPEATED.error()

    @property
    def _credential(self) -> str:
        """The credential a secret is told to: the id of its key. Strangers' proofs are in the record's scope."""
        return str(self.found.key_id) if self.found is not None else "stranger"

    async def _keep_refusal(self, refused: DomainError) -> None:
        """Before a commit the claim was rolled back, so the request is claimed anew: a twin may have answered since."""
        if not self._committed:
            await self._check_dates_hold(refused)
        if self.key is None:
            return
        status, text = refusal_text(refused, self.request)
        async with self.context.database.transaction(viewer=self.scope) as transaction:
            if not self._committed:
                self.command_id = (await self._claim(transaction, None)).command_id
            await records.complete(transaction, self.command_id, status, text, personal=self.personal)
        self._answered = True

    async def _check_dates_hold(self, refused: DomainError) -> None:
        """Facts are refused by no date that an outage moves."""

    async def _release(self) -> None:
        """Give the command up for now; a repetition goes on under the same id at once."""
        # When the database is away as well, the lease ends by itself.
        with suppress(psycopg.Error, OSError):
            async with self.context.database.transaction(viewer=self.scope) as transaction:
                await records.release(transaction, self.command_id)


def _with(secret: Secret, text: str) -> str:
    return json.dumps(secret(json.loads(text)), separators=(",", ":"))


class Fact(Attempt):
    """A dependency for routes that write one fact."""

    in_session = True
    _proof: str | None = None

    async def prove(self, proof: str | None) -> None:
        """Tell by which secret a caller without credentials will be known again; None when it brought none.

        Then what is remembered belongs to this very request, and tells a repetition only that it was carried out.
        """
        if self.found is None and self.key is not None:
            pepper = self.context.settings.credential_secret.get_secret_value().encode()
            self._proof = proof
            self.scope = stranger_scope(pepper, self.key, await request_hash(self.request), proof)

    def begin(self, secret: Secret | None = None) -> AbstractAsyncContextManager[None]:
        """Claim the request for as long as the block's transaction; ``answer`` commits it.

        ``secret`` adds to the answer what must not be stored; a repetition gets it with the credential of the first
        request only. Raises idempotency.secret_not_repeated, agent.already_registered.
        """
        self._secret = secret
        return self._begin(None)

    def _check_told(self, stored: records.Stored) -> None:
        if self.found is None and self._proof is None:
            raise errors.ALREADY_REGISTERED.error()
        super()._check_told(stored)


class ProcessCommand(Attempt):
    """A dependency for routes that tell a workflow what to do: check, ``commit``, tell it, answer."""

    def begin(self) -> AbstractAsyncContextManager[None]:
        """Claim the request with a lease. Raises idempotency.in_flight, idempotency.key_reused."""
        return self._begin(self.context.settings.idempotency_lease_seconds)

    async def send(self, command: Command, **place: Any) -> None:
        """Commit the claim, and have the command's workflow carry it out (``Processes.send``)."""
        await self.commit()
        await self.context.processes.send(command, **place)

    async def show(self, wanted: One, status: int = 200) -> Response:
        """Answer with a row, as its reads show it to the caller; what reads it keeps the answer."""
        text = ""

        def kept(row: Row) -> Asked:
            nonlocal text
            text = to_json(row).decode()
            return records.completion(self.command_id, status, text, personal=self.personal)

        if self.key is None:
            text = to_json(await self.context.reads.read_one(wanted, self.scope)).decode()
        else:
            await self.context.reads.read_one_and_note(wanted, kept, self.scope)
        self._answered = True
        return document(status, text, scope=self.request.scope)

    async def _check_dates_hold(self, refused: DomainError) -> None:
        """A refusal by a date that an outage moves is none. Raises service.unavailable."""
        async with self.context.database.transaction() as transaction:
            if await may_have_misjudged(transaction, self.context.specs.rows.awaited_parts, refused, _MARGIN_SECONDS):
                raise errors.UNAVAILABLE.error() from None


Found = Annotated[Identity | None, Depends(identity)]


async def fact(request: Request, context: Context, found: Found, key: KeyHeader = None) -> Fact:
    return Fact(request, context, found, key)


async def process_command(request: Request, context: Context, found: Found, key: KeyHeader = None) -> ProcessCommand:
    return ProcessCommand(request, context, found, key)


FactDep = Annotated[Fact, Depends(fact)]
CommandDep = Annotated[ProcessCommand, Depends(process_command)]
