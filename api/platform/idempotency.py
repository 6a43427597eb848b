"""Idempotency-Key on every POST: done once, answered the same as often as asked.

Facts and their record are one transaction (:class:`Fact`): a crash leaves both or neither. A process
command cannot be (:class:`ProcessCommand`): its record is committed first, with a lease; its ``command_id``
is the update id and the new entity's id, so an attempt that was cut off is taken up again under the same
id and the process answers what it answered before. Refusals are answers and are kept too, except those a
caller can cure without changing the request: who it is, how often it asks, what is away.

A record belongs to whoever proved to be the caller: an agent, an operator, or a secret that a stranger brings. A
secret in an answer is never stored, and told again only to the credential that asked first.
"""

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from pydantic import BaseModel
from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.context import Context
from api.errors import refusal_of
from api.platform.auth import Identity, identity
from api.platform.claims import Claims
from api.platform.idempotency_keys import KeyHeader, is_kept, request_hash, stranger_scope
from db.outages import may_have_misjudged
from db.platform import idempotency as records
from db.platform.ids import new_id
from db.platform.reading import Asked, One, Row
from db.platform.transactions import Transaction
from domain.platform import errors
from domain.platform.errors import DomainError

_MARGIN_SECONDS = 1.0
"""A check and its refusal take less."""
Secret = Callable[[dict[str, Any]], dict[str, Any]]
"""An answer with the secret in it, which is told and not stored."""


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt at a command. ``resumed``: an earlier one began, so skip checks made only for politeness."""

    command_id: UUID
    resumed: bool = False


Send = Callable[[], Awaitable[object]]
Prepare = Callable[[Transaction, Run], Awaitable[Send]]
PrepareInSession = Callable[[AsyncSession, Run], Awaitable[Send]]
Read = Callable[[AsyncSession, UUID], Awaitable[BaseModel]]
Begin = Callable[[], Awaitable[tuple[Run, Send] | records.Stored]]
Answer = Callable[[Run], Awaitable[str]]


class Fact(Claims):
    """A dependency for routes that write one fact."""

    _proof: str | None = None

    async def prove(self, proof: str | None) -> None:
        """Tell by which secret a caller without credentials will be known again; None when it brought none.

        Then what is remembered belongs to this very request, and tells a repetition only that it was carried out.
        """
        if self.found is None and self.key is not None:
            pepper = self.context.settings.credential_secret.get_secret_value().encode()
            self._proof = proof
            self.scope = stranger_scope(pepper, self.key, await request_hash(self.request), proof)

    async def once(
        self,
        work: Callable[[AsyncSession, UUID], Awaitable[BaseModel]],
        status: int = 201,
        *,
        secret: Secret | None = None,
        after: Callable[[], Awaitable[None]] | None = None,
    ) -> Response:
        """Run ``work(session, new_id)`` in one transaction with the record, and answer with its result.

        ``secret`` adds to the answer what must not be stored; a repetition gets it with the credential of the first
        request only. ``after`` runs once the fact is committed, not for repetitions. Raises
        idempotency.secret_not_repeated, agent.already_registered.
        """
        try:
            stored, text = await self._write(work, status, secret)
        except Exception as error:
            refused = refusal_of(error)
            if refused is None or self.key is None or not is_kept(refused):
                raise
            answer = await self._keep_refusal(refused)
            return self._told_again(answer, secret) if isinstance(answer, records.Stored) else answer
        if stored is not None:
            return self._told_again(stored, secret)
        if after is not None:
            await after()
        return self._document(status, text if secret is None else _with(secret, text))

    def _told_again(self, stored: records.Stored, secret: Secret | None) -> Response:
        if secret is None or stored.status_code >= 400:
            return self._replay(stored)
        if self.found is None and self._proof is None:
            raise errors.ALREADY_REGISTERED.error()
        if stored.told != self._credential():
            raise errors.SECRET_NOT_REPEATED.error()
        return self._replay(replace(stored, text=_with(secret, stored.text)))

    def _credential(self) -> str:
        """The credential a secret was told to: the id of its key. Strangers' proofs are in the record's scope."""
        return str(self.found.key_id) if self.found is not None else "stranger"

    async def _write(
        self, work: Callable[[AsyncSession, UUID], Awaitable[BaseModel]], status: int, secret: Secret | None
    ) -> tuple[records.Stored | None, str]:
        async with self.database.session(viewer=self.scope) as session:
            if self.key is None:
                return None, (await work(session, new_id())).model_dump_json()
            transaction = await Transaction.of(session)
            found = await self._claim(transaction, None)
            if isinstance(found, records.Stored):
                return found, ""
            text = (await work(session, found.command_id)).model_dump_json()
            await session.flush()
            told = None if secret is None else self._credential()
            await records.complete(transaction, found.command_id, status, text, personal=self.personal, told=told)
            return None, text


def _with(secret: Secret, text: str) -> str:
    return json.dumps(secret(json.loads(text)), separators=(",", ":"))


class ProcessCommand(Claims):
    """A dependency for routes that tell a process what to do."""

    async def run(self, action: Callable[[Run], Awaitable[BaseModel]], status: int = 200) -> Response:
        """A command that answers for itself: ``action(run)``, with no transaction open, then keep its answer."""
        answers: list[BaseModel] = []

        async def prepare(_: Transaction, run: Run) -> Send:
            async def send() -> None:
                answers.append(await action(run))

            return send

        async def answer(run: Run) -> str:
            text = answers[0].model_dump_json()
            await self._keep(run, status, text)
            return text

        return await self._carry_out(partial(self._begin, prepare), answer, status)

    async def tell(self, prepare: PrepareInSession, read: Read, status: int = 200) -> Response:
        """``tell_and_show`` where what is checked and answered needs a session.

        ``prepare(session, run)`` gives what sends the command, ``read(session, command_id)`` the answer.
        """

        async def begin() -> tuple[Run, Send] | records.Stored:
            async with self.database.session(viewer=self.scope) as session:
                return await self._claim_and_prepare(await Transaction.of(session), partial(prepare, session))

        async def answer(run: Run) -> str:
            async with self.database.session(viewer=self.scope) as session:
                text = (await read(session, run.command_id)).model_dump_json()
                if self.key is not None:
                    await records.complete(
                        await Transaction.of(session), run.command_id, status, text, personal=self.personal
                    )
            return text

        return await self._carry_out(begin, answer, status)

    async def tell_and_show(self, prepare: Prepare, shown: Callable[[UUID], One], status: int = 200) -> Response:
        """Claim and prepare in one transaction, send with none open, read and keep the answer in another.

        ``prepare(step, run)`` checks what can be checked beforehand and returns what sends the command; the answer
        is the row ``shown(command_id)``, as its reads show it to the caller. Raises idempotency.in_flight,
        idempotency.key_reused.
        """

        async def answer(run: Run) -> str:
            text = ""

            def kept(row: Row) -> Asked:
                nonlocal text
                text = to_json(row).decode()
                return records.completion(run.command_id, status, text, personal=self.personal)

            if self.key is None:
                return to_json(await self.context.reads.one(shown(run.command_id), self.scope)).decode()
            await self.context.reads.one_and_note(shown(run.command_id), kept, self.scope)
            return text

        return await self._carry_out(partial(self._begin, prepare), answer, status)

    async def _carry_out(self, begin: Begin, answer: Answer, status: int) -> Response:
        try:
            begun = await begin()
        except Exception as error:
            refused = refusal_of(error)
            if refused is None or not is_kept(refused):
                raise
            await self._check_dates_hold(refused)
            if self.key is None:
                raise
            kept = await self._keep_refusal(refused)
            return self._replay(kept) if isinstance(kept, records.Stored) else kept
        if isinstance(begun, records.Stored):
            return self._replay(begun)
        run, send = begun
        done = False
        try:
            response = await self._send(run, send, answer, status)
            done = True
            return response
        finally:
            if not done:
                await self._release(run)

    async def _check_dates_hold(self, refused: DomainError) -> None:
        """A refusal by a date that an outage moves is none. Raises service.unavailable."""
        async with self.database.transaction() as transaction:
            if await may_have_misjudged(transaction, refused, _MARGIN_SECONDS):
                raise errors.UNAVAILABLE.error() from None

    async def _begin(self, prepare: Prepare) -> tuple[Run, Send] | records.Stored:
        async with self.database.transaction(viewer=self.scope) as transaction:
            return await self._claim_and_prepare(transaction, partial(prepare, transaction))

    async def _claim_and_prepare(
        self, transaction: Transaction, prepare: Callable[[Run], Awaitable[Send]]
    ) -> tuple[Run, Send] | records.Stored:
        run = Run(new_id())
        if self.key is not None:
            found = await self._claim(transaction, self.context.settings.idempotency_lease_seconds)
            if isinstance(found, records.Stored):
                return found
            run = Run(found.command_id, found.resumed)
        return run, await prepare(run)

    async def _send(self, run: Run, send: Send, answer: Answer, status: int) -> Response:
        try:
            await send()
            return self._document(status, await answer(run))
        except Exception as error:
            refused = refusal_of(error)
            if refused is None or not is_kept(refused):
                raise
            status, text = self._refusal_text(refused)
            await self._keep(run, status, text)
            return self._document(status, text, refused)

    async def _keep(self, run: Run, status: int, text: str) -> None:
        if self.key is not None:
            async with self.database.transaction(viewer=self.scope) as transaction:
                await records.complete(transaction, run.command_id, status, text, personal=self.personal)

    async def _release(self, run: Run) -> None:
        """Give the command up for now; a repetition goes on under the same id at once."""
        if self.key is None:
            return
        # When the database is away as well, the lease ends by itself.
        with suppress(SQLAlchemyError, OSError):
            async with self.database.transaction(viewer=self.scope) as transaction:
                await records.release(transaction, run.command_id)


Found = Annotated[Identity | None, Depends(identity)]


async def fact(request: Request, context: Context, found: Found, key: KeyHeader = None) -> Fact:
    return Fact(request, context, found, key)


async def process_command(request: Request, context: Context, found: Found, key: KeyHeader = None) -> ProcessCommand:
    return ProcessCommand(request, context, found, key)


FactDep = Annotated[Fact, Depends(fact)]
CommandDep = Annotated[ProcessCommand, Depends(process_command)]
