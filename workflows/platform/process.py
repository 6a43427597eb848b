"""What workflows that wait share: how they wait for a date, how they carry out commands, what operators see.

A workflow keeps its projection's last snapshot, one lock and two flags. Commands and deadlines take turns
under the lock; each runs one local activity and keeps the snapshot it answers with. So the state in memory
is the one in the database, also after a crash between a commit and the end of the workflow task.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.platform.attributes import STATE
    from domain.platform.commands import Command
    from domain.platform.messages import Done
    from domain.platform.workflows import NUDGE
    from workflows.platform.recording import record

AnyCommand = TypeVar("AnyCommand", bound="Command")
Start = TypeVar("Start")


class Closable(Protocol):
    """A snapshot that knows whether its projection is over."""

    @property
    def closed(self) -> bool: ...


Snapshot = TypeVar("Snapshot", bound=Closable)

# The database's clock decides whether a date has passed; where it runs behind Temporal's, look again soon.
_LOOK_AGAIN_SECONDS = 0.2
_LOOK_AGAIN_AT_MOST_SECONDS = 5.0
_DOUBLINGS = 5  # more than enough to get there
# A look that is refused for another reason than absence is a defect, or a row that needs a person: not so often.
_AFTER_A_FAILURE = timedelta(minutes=1)
# The engine keeps a command in memory until its workflow takes it up; killed before that, it hands out none.
_FIRST_COMMAND_SECONDS = 10


class WaitingProcess:
    """Waits for a date, a nudge or a change of its own, and tells operators what it waits for."""

    def __init__(self, first_state: str | None = None) -> None:
        # A workflow that was started anew by a sweep carries another state than its first one.
        self._state = workflow.info().typed_search_attributes.get(STATE, first_state)
        self._changed = False
        self._nudged = False
        self._early_looks = 0
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_date: datetime | None = None

    @workflow.signal(name=NUDGE)
    def nudge(self) -> None:
        """Look again: a row this workflow depends on was written, or a sweep found a date passed."""
        self._nudged = True

    def _report(
        self, state: str, awaiting: str, deadline: datetime | None, *, searchable: bool = True, **ids: object
    ) -> None:
        """Tell operators: ids, a state, dates; never a term of an offer.

        Not ``searchable`` is a state that the execution's own status tells: each change costs the server a row.
        """
        if searchable and state != self._state:
            self._state = state
            workflow.upsert_search_attributes([STATE.value_set(state)])
        until = f" until {deadline:%Y-%m-%d %H:%M:%S} UTC" if deadline else ""
        lines = [f"**{state}**, awaits {awaiting}{until}", ""]
        lines += [f"- {name}: `{value}`" for name, value in ids.items()]
        workflow.set_current_details("\n".join(lines))

    async def _wait(self, date: datetime | None) -> None:
        """Until a command changed something, a nudge came, or the date has passed (then as if nudged)."""
        if date is None or date != self._alarm_date or self._alarm is None or self._alarm.done():
            self._set_alarm(date)
        await workflow.wait_condition(lambda: self._nudged or self._changed or self._alarm_rang)
        self._nudged |= self._alarm_rang
        self._changed = False

    @property
    def _alarm_rang(self) -> bool:
        return self._alarm is not None and self._alarm.done()

    def _set_alarm(self, date: datetime | None) -> None:
        """One timer, kept for as long as the date stays the same; what is pending at the end ends with the run."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._alarm_date = None, date
        if date is None:
            return
        seconds = max((date - workflow.now()).total_seconds(), 0) + _LOOK_AGAIN_SECONDS / 4
        if date <= workflow.now():
            doubled = _LOOK_AGAIN_SECONDS * 2 ** min(self._early_looks, _DOUBLINGS)
            seconds = min(doubled, _LOOK_AGAIN_AT_MOST_SECONDS)
            self._early_looks += 1
        else:
            self._early_looks = 0
        self._alarm = asyncio.create_task(workflow.sleep(seconds, summary="the process's next date"))

    async def _finish(self) -> None:
        """The last of a workflow: commands under way are answered, also those that came while others were told."""
        while True:
            await workflow.wait_condition(workflow.all_handlers_finished)
            await self._tell_others()
            if workflow.all_handlers_finished():
                return

    async def _tell_others(self) -> None:
        """Tell the workflows that this one's last steps concern. Most have nobody to tell."""


class CommandProcess(WaitingProcess, Generic[Start, Snapshot]):
    """Is told what to do by updates, and lives until its projection is closed.

    A refused first command has started the workflow all the same; then nothing was ever open, and it ends. So it is
    where the first command never came; where its answer was lost it is recorded, and the workflow goes on from there.
    """

    _not_found: ClassVar[str]
    """The code by which a step says that there is no projection."""

    def __init__(self, start: Start, first_state: str) -> None:
        super().__init__(first_state)
        self._start = start
        self._lock = asyncio.Lock()
        self._snapshot: Snapshot | None = None
        self._absent = False
        self._unread = False

    @property
    def _begun(self) -> bool:
        return self._snapshot is not None or self._nudged or self._over

    @property
    def _over(self) -> bool:
        return self._absent if self._snapshot is None else self._snapshot.closed

    async def _live(self) -> None:
        """The life of the workflow, for ``run`` to await."""
        await self._begin()
        while True:
            if self._nudged:
                await self._look_again()
            await self._tell_others()
            if not self._over:
                await self._wait(workflow.now() + _AFTER_A_FAILURE if self._unread else self._next_date())
                continue
            await self._finish()
            # Meanwhile a command may have opened what was absent, or somebody had news.
            if self._over and not self._nudged:
                return

    async def _begin(self) -> None:
        """Until there is something to go on from; where no command comes, have a look."""
        await workflow.wait_condition(lambda: self._begun or workflow.all_handlers_finished())
        if self._begun:
            return
        try:
            await workflow.wait_condition(
                lambda: self._begun, timeout=_FIRST_COMMAND_SECONDS, timeout_summary="for a command that was lost"
            )
        except TimeoutError:
            self._nudged = True

    async def _record_command(
        self, activity: Callable[[Any, Start, AnyCommand], Awaitable[Snapshot]], command: AnyCommand, summary: str
    ) -> Snapshot:
        """Called under the lock."""
        try:
            snapshot = await record(activity, summary, self._start, command)
        except ApplicationError:
            # Either nothing was ever open, or the workflow was lost and its projection waits: look which.
            self._nudged |= self._snapshot is None
            raise
        self._take_over(snapshot)
        return snapshot

    async def _look_again(self) -> None:
        async with self._lock:
            self._nudged = False
            try:
                snapshot = await self._settle()
            except FailureError as error:
                # Without a projection a nudge came for what was refused. All else is looked at again.
                self._absent = isinstance(error, ApplicationError) and error.type == self._not_found
                self._unread = not self._absent
                return
            self._take_over(snapshot)

    def _take_over(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._unread = False
        self._changed = True
        self._keep(snapshot)

    async def _settle(self) -> Snapshot:
        """Record what has come due."""
        raise NotImplementedError

    def _done(self, snapshot: Snapshot) -> Done:
        """The answer to a command. Raises ApplicationError for a refusal that nevertheless changed something."""
        raise NotImplementedError

    def _keep(self, snapshot: Snapshot) -> None:
        """Take over what the step's snapshot says, and report it."""
        raise NotImplementedError

    def _next_date(self) -> datetime | None:
        """When to look again without being told."""
        raise NotImplementedError


def carries_out(
    command: type[AnyCommand], activity: Callable[[Any, Start, AnyCommand], Awaitable[Snapshot]], summary: str
) -> Callable[[CommandProcess[Start, Snapshot], AnyCommand], Awaitable[Done]]:
    """The update of a workflow that carries a command out: the one activity, under the lock."""

    async def update(self: CommandProcess[Start, Snapshot], message: AnyCommand) -> Done:
        async with self._lock:
            snapshot = await self._record_command(activity, message, summary)
        return self._done(snapshot)

    # As the engine's client reads a method of the class: without the workflow itself.
    update.__annotations__ = {"message": command, "return": Done}
    named: Callable[[Callable[..., Awaitable[Done]]], object] = workflow.update(name=command.kind)
    named(update)
    return update
