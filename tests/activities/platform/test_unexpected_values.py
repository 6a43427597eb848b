"""A value that the database cannot hold ends its activity: tried for ever, it would hold the process up."""

from typing import Any

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from db.platform.database import Database
from worker.interceptors import RefusalInterceptor


async def test_it_is_not_tried_again_and_not_repeated(worker_database: Database):
    class Write(ActivityInboundInterceptor):
        def __init__(self) -> None:
            pass

        async def execute_activity(self, input: ExecuteActivityInput) -> Any:
            async with worker_database.session() as session:
                await session.execute(text("SELECT :code"), {"code": "secret\x00code"})

    around = RefusalInterceptor().intercept_activity(Write())
    asked = ExecuteActivityInput(fn=lambda: None, args=[], executor=None, headers={})
    with pytest.raises(ApplicationError) as ended:
        await ActivityEnvironment().run(around.execute_activity, asked)
    assert (ended.value.type, ended.value.non_retryable) == ("internal.value", True)
    assert "secret" not in repr(ended.value)
    assert ended.value.__cause__ is None
