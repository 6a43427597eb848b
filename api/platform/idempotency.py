"""Idempotency-Key on every POST: done once, answered the same as often as asked.

Facts and their record are one transaction (:class:`Fact`): a crash leaves both or neither. A process
command cannot be (:class:`ProcessCommand`): its record is committed first, with a lease; its ``command_id``
is the update id and the new entity's id, so an attempt that was cut off is taken up again under the same
id and the process answers what it answered before. Refusals are answers and are kept too, except those a
caller can cure without changing the request: who it is, how often it asks, what is away.
"""

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import Depends, Request
from pydantic import BaseModel
from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.context import AppContext, Context
from api.errors import document, refusal_of, refusal_text
from api.platform.auth import Caller, Identity, Operator, identity
from api.platform.idempotency_keys import KeyHeader, check_key, is_kept, request_hash
from api.platform.limits import client_address
from db.ids import new_id
from db.platform import idempotency as records
from db.reading import Asked, One, Row
from db.steps import Step
from domain import platform_errors as errors
from domain.shared.errors import DomainError

_ANONYMOUS = UUID("6f0b2f60-3c5e-4f4e-9a43-0d4a5f2a7f11")
REPLAYED = "Idempotent-Replayed"

Finish = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt at a command. ``resumed``: an earlier one began, so skip checks made only for politeness."""

    command_id: UUID
    resumed: bool = False


Send = Callable[[], Awaitable[object]]
Prepare = Callable[[Step, Run], Awaitable[Send]]
PrepareInSession = Callable[[AsyncSession, Run], Awaitable[Send]]
Read = Callable[[AsyncSession, UUID], Awaitable[BaseModel]]
Begin = Callable[[], Awaitable[tuple[Run, Send] | records.Stored]]
Answer = Callable[[Run], Awaitable[str]]


class _Idempotent:
    """What both styles share: the key, the scope it lives in, and answering from the record."""

    personal = False
    """Whether answers hold personal data, which is not kept as long as other answers."""

    def __init__(self, request: Request, context: AppContext, found: Identity | None, key: str | None) -> None:
        if key is not None:
            check_key(key)
        self.request = request
        self.context = context
        self.database = context.database
        self.key = key
        match found:
            case Caller():
                self.scope = found.agent_id
            case Operator():
                self.scope = found.key_id
            case None:
                self.scope = uuid5(_ANONYMOUS, client_address(request.scope))

    async def _claim(self, step: Step, lease_seconds: float | None) -> records.Claim | records.Stored:
        assert self.key is not None
        found = await records.claim(
            step, self.scope, records.hash_key(self.key), await request_hash(self.request), lease_seconds
        )
        match found:
            case records.InFlight():
                raise errors.IDEMPOTENCY_IN_FLIGHT.error(retry_after_seconds=found.seconds_left)
            case records.Reused():
                raise errors.IDEMPOTENCY_KEY_REUSED.error()
        return found

    def _replay(self, stored: records.Stored, finish: Finish | None = None) -> Response:
        answer = self._render(stored.status_code, stored.text, finish)
        answer.headers[REPLAYED] = "true"
        return answer

    def _refusal_text(self, refused: DomainError) -> tuple[int, str]:
        return refusal_text(refused, self.request)

    async def _keep_refusal(self, refused: DomainError, finish: Finish | None = None) -> Response:
        """Answer and keep a refusal that rolled its claim back. A twin that fared better has the last word."""
        status, text = self._refusal_text(refused)
        async with self.database.step(viewer=self.scope) as step:
            found = await self._claim(step, None)
            if isinstance(found, records.Stored):
                return self._replay(found, finish)
            await records.complete(step, found.command_id, status, text)
        return self._document(status, text, refused)

    def _render(self, status: int, text: str, finish: Finish | None = None) -> Response:
        if finish is not None and status < 400:
            text = json.dumps(finish(json.loads(text)), separators=(",", ":"))
        return self._document(status, text)

    def _document(self, status: int, text: str, refused: DomainError | None = None) -> Response:
        return document(status, text, refused, scope=self.request.scope)


class Fact(_Idempotent):
    """A dependency for routes that write one fact."""

    async def once(
        self,
        work: Callable[[AsyncSession, UUID], Awaitable[BaseModel]],
        status: int = 201,
        *,
        finish: Finish | None = None,
        after: Callable[[], Awaitable[None]] | None = None,
    ) -> Response:
        """Run ``work(session, new_id)`` in one transaction with the record, and answer with its result.

        ``finish`` adds to every answer, repeated ones too, what must not be stored. ``after`` runs once the
        fact is committed, not for repetitions.
        """
        try:
            stored, text = await self._write(work, status)
        except Exception as error:
            refused = refusal_of(error)
            if refused is None or self.key is None or not is_kept(refused):
                raise
            return await self._keep_refusal(refused, finish)
        if stored is not None:
            return self._replay(stored, finish)
        if after is not None:
            await after()
        return self._render(status, text, finish)

    async def _write(
        self, work: Callable[[AsyncSession, UUID], Awaitable[BaseModel]], status: int
    ) -> tuple[records.Stored | None, str]:
        async with self.database.transaction(viewer=self.scope) as session:
            if self.key is None:
                return None, (await work(session, new_id())).model_dump_json()
            step = await Step.of(session)
            found = await self._claim(step, None)
            if isinstance(found, records.Stored):
                return found, ""
            text = (await work(session, found.command_id)).model_dump_json()
            await session.flush()
            await records.complete(step, found.command_id, status, text, personal=self.personal)
            return None, text


class ProcessCommand(_Idempotent):
    """A dependency for routes that tell a process what to do."""

    async def run(self, action: Callable[[Run], Awaitable[BaseModel]], status: int = 200) -> Response:
        """A command that answers for itself: ``action(run)``, with no transaction open, then keep its answer."""
        answers: list[BaseModel] = []

        async def prepare(_: Step, run: Run) -> Send:
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
            async with self.database.transaction(viewer=self.scope) as session:
                return await self._claim_and_prepare(await Step.of(session), partial(prepare, session))

        async def answer(run: Run) -> str:
            async with self.database.transaction(viewer=self.scope) as session:
                text = (await read(session, run.command_id)).model_dump_json()
                if self.key is not None:
                    await records.complete(await Step.of(session), run.command_id, status, text, personal=self.personal)
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
            if refused is None or self.key is None or not is_kept(refused):
                raise
            return await self._keep_refusal(refused)
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

    async def _begin(self, prepare: Prepare) -> tuple[Run, Send] | records.Stored:
        async with self.database.step(viewer=self.scope) as step:
            return await self._claim_and_prepare(step, partial(prepare, step))

    async def _claim_and_prepare(
        self, step: Step, prepare: Callable[[Run], Awaitable[Send]]
    ) -> tuple[Run, Send] | records.Stored:
        run = Run(new_id())
        if self.key is not None:
            found = await self._claim(step, self.context.settings.idempotency_lease_seconds)
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
            async with self.database.step(viewer=self.scope) as step:
                await records.complete(step, run.command_id, status, text, personal=self.personal)

    async def _release(self, run: Run) -> None:
        """Give the command up for now; a repetition goes on under the same id at once."""
        if self.key is None:
            return
        # When the database is away as well, the lease ends by itself.
        with suppress(SQLAlchemyError, OSError):
            async with self.database.step(viewer=self.scope) as step:
                await records.release(step, run.command_id)


Found = Annotated[Identity | None, Depends(identity)]


async def fact(request: Request, context: Context, found: Found, key: KeyHeader = None) -> Fact:
    return Fact(request, context, found, key)


async def process_command(request: Request, context: Context, found: Found, key: KeyHeader = None) -> ProcessCommand:
    return ProcessCommand(request, context, found, key)


FactDep = Annotated[Fact, Depends(fact)]
CommandDep = Annotated[ProcessCommand, Depends(process_command)]
