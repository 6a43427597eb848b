"""The activities' names and types."""

from abc import abstractmethod

from temporalio import activity

from activities.platform.signatures import Activities
from tests.contexts.domain.wishes.wishes import WishSnapshot, WishStart


class WishActivities(Activities):
    """Writes of the Wish workflow."""

    @activity.defn(name="settle_wish")
    @abstractmethod
    async def settle_wish(self, start: WishStart) -> WishSnapshot:
        """Record that the wish has lapsed, if its date has come."""
