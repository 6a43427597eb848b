"""What a process of the API holds: made once at its start, found by routes through a dependency."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import QueuePool
from temporalio.client import Client

from activities.checkout.signing import SigningKey
from activities.platform.specs import WorkflowSpecs
from api.checkout.profiles import Profiles
from api.platform.limits import Limiter
from api.platform.nudges import Nudges
from api.platform.observe import Metrics
from api.platform.parts import ApiParts
from api.platform.remembered import Remembered
from api.platform.streams import FeedHub
from api.platform.upkeep import Upkeep
from api.processes import Processes
from config.settings import Settings
from db.platform.database import Database
from db.platform.lines import Line
from db.platform.presence import Presence
from db.platform.reading import Reads

GLANCE_SECONDS = 5.0


@dataclass(slots=True)
class AppContext:
    """``admission`` is the line for keys and rate limits, ``reads`` shows rows, ``database`` does all else.

    ``glance`` keeps for some seconds what the public pages count over the whole market.
    """

    settings: Settings
    specs: WorkflowSpecs
    parts: ApiParts
    database: Database
    reads: Reads
    admission: Line
    limiter: Limiter
    temporal: Client
    presence: Presence
    processes: Processes
    upkeep: Upkeep
    feed: FeedHub
    metrics: Metrics
    profiles: Profiles
    signing_keys: tuple[SigningKey, ...]
    nudges: Nudges
    glance: Remembered = field(default_factory=lambda: Remembered(GLANCE_SECONDS))

    def measure(self) -> None:
        """Bring the gauges up to date."""
        pool = self.database.engine.pool
        self.metrics.pool.labels("market").set(pool.checkedout() if isinstance(pool, QueuePool) else 0)
        self.metrics.pool_size.labels("market").set(pool.size() if isinstance(pool, QueuePool) else 0)
        in_use, size = self.reads.connections
        self.metrics.pool.labels("reads").set(in_use)
        self.metrics.pool_size.labels("reads").set(size)
        self.metrics.streams.set(self.feed.open_streams)


async def app_context(request: Request) -> AppContext:
    """A coroutine, as every dependency here: a plain function would be run in a thread."""
    context = request.app.state.context
    assert isinstance(context, AppContext)
    return context


Context = Annotated[AppContext, Depends(app_context)]
