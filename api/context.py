"""What a process of the API holds: made once at its start, found by routes through a dependency."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from temporalio.client import Client

from activities.checkout.signing import SigningKey
from activities.platform.specs import WorkflowSpecs
from api.checkout.profiles import Profiles
from api.platform.limits import Limiter
from api.platform.nudges import Nudges
from api.platform.observe import Metrics
from api.platform.parts import ApiParts
from api.platform.processes import Processes
from api.platform.remembered import Remembered
from api.platform.streams import FeedHub
from api.platform.upkeep import Upkeep
from config.settings import Settings
from db.platform.database import Database
from db.platform.presence import Presence

GLANCE_SECONDS = 5.0


@dataclass(slots=True)
class AppContext:
    """``admission`` asks for keys and rate limits, ``reads`` for rows to show, ``database`` is for all else.

    ``glance`` keeps for some seconds what the public pages count over the whole market.
    """

    settings: Settings
    specs: WorkflowSpecs
    parts: ApiParts
    database: Database
    reads: Database
    admission: Database
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
        for name, database in (("market", self.database), ("reads", self.reads)):
            in_use, size = database.connections
            self.metrics.pool.labels(name).set(in_use)
            self.metrics.pool_size.labels(name).set(size)
        self.metrics.streams.set(self.feed.open_streams)


async def app_context(request: Request) -> AppContext:
    """A coroutine, as every dependency here: a plain function would be run in a thread."""
    context = request.app.state.context
    assert isinstance(context, AppContext)
    return context


Context = Annotated[AppContext, Depends(app_context)]
