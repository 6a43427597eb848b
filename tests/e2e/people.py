"""The agents of the journeys, which the drills share."""

from souk.drills.people import Agent, Shop, eventually

__all__ = ["Agent", "Shop", "eventually"]
