"""What happens around every activity: refusals become answers, faults stay faults."""

import time
from typing import Any

import psycopg
import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from db.platform.constraints import constraint_name, refusal
from db.platform.contexts import DbParts
from db.platform.database import Database
from db.platform.outages import may_have_misjudged
from domain.platform.errors import DomainError, lookup

_log = structlog.get_logger("souk.activity")
_MARGIN_SECONDS = 1.0


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
    def __init__(self, next: ActivityInboundInterceptor, looks: tuple[Database, DbParts] | None) -> None:
        super().__init__(next)
        self._looks = looks

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        began = time.monotonic()
        try:
            return await super().execute_activity(input)
        except DomainError as error:
            if await self._misjudged(error, time.monotonic() - began):
                raise ApplicationError("an outage moves dates: judged again once it is recorded") from None
            raise as_application_error(error) from None
        except psycopg.IntegrityError as error:
            known = refusal(error)
            if known is not None:
                raise as_application_error(known) from None
            # The statement's parameters may hold terms: only the constraint's name is said.
            name = constraint_name(error)
            _log.error("unexpected constraint violation", activity=activity.info().activity_type, constraint=name)
            raise ApplicationError(
                f"constraint {name} refused the write", type="internal.constraint", non_retryable=True
            ) from None
        except psycopg.DataError:
            # What the database cannot hold now it never can: trying for ever would only hold the process up.
            _log.error("unexpected value", activity=activity.info().activity_type)
            raise ApplicationError(
                "the database cannot hold a value", type="internal.value", non_retryable=True
            ) from None

    async def _misjudged(self, refused: DomainError, seconds: float) -> bool:
        """Whether the refusal may rest on a date that an outage moves. Nobody is turned away for the market's fault."""
        if self._looks is None:
            return False
        database, rows = self._looks
        async with database.transaction() as transaction:
            parts = rows.parts_judged_by(activity.info().task_queue)
            return await may_have_misjudged(transaction, parts, refused, seconds + _MARGIN_SECONDS)


class RefusalInterceptor(Interceptor):
    """Turns a DomainError into a non-retryable ApplicationError; anything else stays retryable.

    So does, with a ``database`` to look at, a refusal while an outage is not recorded yet.
    """

    def __init__(self, database: Database | None = None, rows: DbParts | None = None) -> None:
        self._looks = (database, rows) if database is not None and rows is not None else None

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Refusals(super().intercept_activity(next), self._looks)
