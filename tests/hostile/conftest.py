"""A running Souk for hostile callers, with limits out of the way, and every kind of caller in it."""

from collections.abc import Iterator

import pytest

from api.checkout.profiles import Profile
from config.settings import Settings
from domain.checkout.ucp import CAPABILITIES, VERSION
from tests.hostile.callers import PROFILE, Callers, make_callers, operator_key
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
        # A platform without keys that is known already: nobody here reaches the outside.
        known = Profile(PROFILE, capabilities=dict.fromkeys(CAPABILITIES, (VERSION,)))
        running.app.state.context.profiles._keep(PROFILE, known, 3_600)
        yield running


@pytest.fixture(scope="module")
def callers(hostile_souk: RunningSouk) -> Callers:
    """Of each file its own: what a file's callers do must not end what another's look at."""
    return make_callers(hostile_souk.url, hostile_souk.run(operator_key(hostile_souk.settings)))
