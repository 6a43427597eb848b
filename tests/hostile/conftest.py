"""A running Souk for hostile callers, with limits out of the way, and every kind of caller in it."""

from collections.abc import Iterator

import pytest

from config.settings import Settings
from tests.hostile.callers import Callers, know_platform, make_callers, operator_key
from tests.running import RunningSouk


@pytest.fixture(scope="session")
def hostile_souk(settings: Settings) -> Iterator[RunningSouk]:
    limits = {
        "per_address": "1000000/minute",
        "per_agent": "1000000/minute",
        "registrations_per_address": "1000000/hour",
        "messages_per_agent": "1000000/minute",
        "offers_per_agent": "1000000/minute",
        "per_platform": "1000000/minute",
    }
    # Loopback as the journeys' own: in one test process both take deliveries from the same queue.
    changed = settings.model_dump() | {"limits": limits, "webhooks": {"allow_loopback": True}}
    with RunningSouk(Settings.model_validate(changed)) as running:
        know_platform(running)
        yield running


@pytest.fixture(scope="module")
def callers(hostile_souk: RunningSouk) -> Callers:
    """Of each file its own: what a file's callers do must not end what another's look at."""
    return make_callers(hostile_souk.url, hostile_souk.run(operator_key(hostile_souk.settings)))
