"""What the market's processes share: how they record, how they wait, what operators see of them.

A process keeps its projection's last snapshot, one lock and two flags. Commands and deadlines take turns
under the lock; each runs one local activity and keeps the snapshot it answers with. So the state in memory
is the one in the database, also after a crash between a commit and the end of the workflow task.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from uuid import UUID

    from activities.attributes import STATE
    from activities.market.signatures import NudgeActivities
    from domain.market.commands import StoreTrustStart
    from domain.market.policy import MarketPolicy

Args = ParamSpec("Args")
Result = TypeVar("Result")

# Without end: while Postgres is away a command stays pending and its caller hears 503. A refusal is an
# answer and never retried.
_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_interval=timedelta(seconds=5))
_ATTEMPT = timedelta(seconds=10)

# The database's clock decides whether a date has passed; where it runs behind Temporal's, look again soon.
_LOOK_AGAIN_SECONDS = 0.2


async def record(
    activity: Callable[Concatenate[Any, Args], Awaitable[Result]],
    summary: str,
    *args: Args.args,
    **no_keywords: Args.kwargs,
) -> Result:
    """Run a recording activity in the worker's own process, one transaction.

    A refusal leaves as an ApplicationError of the same type, which fails the update and not the task.
    """
    assert not no_keywords
    try:
        return await workflow.execute_local_activity_method(
            activity, args=args, start_to_close_timeout=_ATTEMPT, retry_policy=_RETRY, summary=summary
        )
    except ActivityError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError):
            raise ApplicationError(
                cause.message, *cause.details, type=cause.type, non_retryable=True, category=cause.category
            ) from None
        raise ApplicationError("the command could not be carried out", non_retryable=True) from error


class MarketProcess:
    """Base of the market's processes."""

    def __init__(self, policy: MarketPolicy, first_state: str) -> None:
        self._policy = policy
        self._lock = asyncio.Lock()
        # A process that was started anew by a sweep carries another state than its first one.
        self._state = workflow.info().typed_search_attributes.get(STATE, first_state)
        self._changed = False
        self._nudged = False
        self._trust_moved = False

    def _report(self, state: str, awaiting: str, deadline: datetime | None, **ids: object) -> None:
        """Tell operators: ids, a state, dates; never a term of an offer."""
        self._changed = True
        if state != self._state:
            self._state = state
            workflow.upsert_search_attributes([STATE.value_set(state)])
        until = f" until {deadline:%Y-%m-%d %H:%M:%S} UTC" if deadline else ""
        lines = [f"**{state}**, awaits {awaiting}{until}", ""]
        lines += [f"- {name}: `{value}`" for name, value in ids.items()]
        workflow.set_current_details("\n".join(lines))

    async def _wait(self, date: datetime | None) -> None:
        """Until a command changed something, a nudge came, or the date has passed (then as if nudged)."""
        timeout = None
        if date is not None:
            timeout = max((date - workflow.now()).total_seconds(), 0) + _LOOK_AGAIN_SECONDS / 4
            if date <= workflow.now():
                timeout = _LOOK_AGAIN_SECONDS
        try:
            await workflow.wait_condition(
                lambda: self._nudged or self._changed,
                timeout=timeout,
                timeout_summary="the process's next date",
            )
        except TimeoutError:
            self._nudged = True
        self._changed = False

    async def _tell_trust(self, store_id: UUID) -> None:
        if self._trust_moved:
            self._trust_moved = False
            await workflow.execute_activity_method(
                NudgeActivities.nudge_store_trust,
                StoreTrustStart(store_id=store_id, policy=self._policy),
                start_to_close_timeout=timedelta(minutes=1),
                retry_policy=_RETRY,
                summary="wake the store's trust",
            )

    async def _tell_listing(self, listing_id: UUID) -> None:
        await workflow.execute_activity_method(
            NudgeActivities.nudge_negotiations_on_listing,
            listing_id,
            start_to_close_timeout=timedelta(minutes=1),
            retry_policy=_RETRY,
            summary="the listing sold out: wake its other negotiations",
        )
