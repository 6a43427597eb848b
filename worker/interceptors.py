"""What happens around every activity: refusals become answers, faults stay faults."""

from typing import Any

import structlog
from sqlalchemy.exc import DataError, IntegrityError
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from db.constraints import constraint_name, refusal
from domain.shared.errors import DomainError, lookup

_log = structlog.get_logger("souk.activity")


def as_application_error(error: DomainError) -> ApplicationError:
    """The code travels as the type, what it says to its caller in the details; never retried.

    The SDK logs an error's message: it is the code's general meaning, because the particular one may hold a
    price. A refusal is no fault of the worker, so it counts as benign.
    """
    code = lookup(error.code)
    return ApplicationError(
        code.meaning if code else error.code,
        {"message": error.message, "details": error.details},
        type=error.code,
        non_retryable=True,
        category=ApplicationErrorCategory.BENIGN,
    )


class _Refusals(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await super().execute_activity(input)
        except DomainError as error:
            raise as_application_error(error) from None
        except IntegrityError as error:
            known = refusal(error)
            if known is not None:
                raise as_application_error(known) from None
            # The statement's parameters may hold terms: only the constraint's name is said.
            name = constraint_name(error)
            _log.error("unexpected constraint violation", activity=activity.info().activity_type, constraint=name)
            raise ApplicationError(
                f"constraint {name} refused the write", type="internal.constraint", non_retryable=True
            ) from None
        except DataError:
            # What the database cannot hold now it never can: trying for ever would only hold the process up.
            _log.error("unexpected value", activity=activity.info().activity_type)
            raise ApplicationError(
                "the database cannot hold a value", type="internal.value", non_retryable=True
            ) from None


class RefusalInterceptor(Interceptor):
    """Turns a DomainError into a non-retryable ApplicationError; anything else stays retryable."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Refusals(super().intercept_activity(next))
