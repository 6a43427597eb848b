"""How a workflow records: one local activity, one transaction."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

Args = ParamSpec("Args")
Result = TypeVar("Result")

# Without end: while Postgres is away a command stays pending and its caller hears 503. A refusal is an
# answer and never retried.
RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_interval=timedelta(seconds=5))
ATTEMPT = timedelta(seconds=10)


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
            activity, args=args, start_to_close_timeout=ATTEMPT, retry_policy=RETRY, summary=summary
        )
    except ActivityError as error:
        # A local activity's refusal comes bare and passes as it is; wrapped, it must not retry the task.
        cause = error.cause
        if isinstance(cause, ApplicationError):
            raise ApplicationError(
                cause.message, *cause.details, type=cause.type, non_retryable=True, category=cause.category
            ) from None
        raise ApplicationError("the command could not be carried out", non_retryable=True) from error
