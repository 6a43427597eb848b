"""Outages: times in which Souk was away, so that its parties could not act.

Each part (a task queue that workers serve, or the API) says every few seconds that it works. A silence longer than is
tolerated is an outage. It is recorded before the part works again, and moves every date by which a party had to act.
Until it is recorded nothing ends by its date: see ``Silence``. Times are the database's.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.platform.events import PrivateEvent
from domain.platform.numbers import Seconds, SecondsOrZero

API_PART = "api"
_LOOKS_APART = 10
_SERVED_SHARE = 3


class OutagePolicy(BaseModel):
    """How parts show that they work, and what counts as an outage; seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    beat_seconds: Seconds = Field(5, description="between two signs of life of a part")
    tolerated_seconds: Seconds = Field(60, description="a longer silence of a part is an outage")
    least_left_seconds: SecondsOrZero = Field(
        3600, description="what is left of a moved date at least, or the whole of a shorter wait"
    )

    @model_validator(mode="after")
    def _beats_come_in_time(self) -> Self:
        if self.tolerated_seconds < 2 * _SERVED_SHARE * self.beat_seconds:
            raise ValueError("a part that works must beat at least six times in the time that is tolerated")
        return self

    @property
    def tolerated(self) -> timedelta:
        return timedelta(seconds=self.tolerated_seconds)


class OutageNews(PrivateEvent):
    """Private events of whoever waits for a date."""

    DATE_EXTENDED = "DATE_EXTENDED"


@dataclass(frozen=True, slots=True)
class Heard:
    """What a part's row says of it."""

    part: str
    beat_at: datetime
    accounted_at: datetime
    tolerated: timedelta

    def is_silent(self, now: datetime) -> bool:
        """Whether there is an outage that is not recorded yet: under way, or just over."""
        return now - self.accounted_at > self.tolerated

    def is_served(self, now: datetime) -> bool:
        """Whether the part works, as far as its beats tell. A killed one is known after a few missed beats."""
        return now - self.beat_at <= self.tolerated / _SERVED_SHARE


@dataclass(frozen=True, slots=True)
class Silence:
    """The parts that a wait depends on, as they stood before its row was read."""

    parts: Collection[Heard]

    def holds(self, now: datetime) -> bool:
        """Whether nothing may end by its date now: an outage is not recorded, and will move dates."""
        return any(heard.is_silent(now) for heard in self.parts)

    def look_again_at(self, now: datetime) -> datetime:
        """When a process that was held looks again by itself; recording moves its dates, and the sweep finds them."""
        return now + _LOOKS_APART * max((heard.tolerated for heard in self.parts), default=timedelta(0))
