"""Wishes' workflow in the worker process."""

from contextlib import AbstractAsyncContextManager

from activities.platform.signatures import activities_of
from db.platform.database import Database
from tests.contexts.activities.wishes.wishes import PostgresWishActivities
from tests.contexts.domain.wishes.wishes import WISHES_QUEUE
from tests.contexts.workflows.wishes.wish import Wish
from worker.parts import Activities, Host, WorkerPart


def _serve(host: Host) -> AbstractAsyncContextManager[None]:
    def build(database: Database) -> Activities:
        return activities_of(PostgresWishActivities(database))

    return host.serving(WISHES_QUEUE, (Wish,), build, pool_size=2)


PART = WorkerPart("wishes", (Wish,), _serve)
