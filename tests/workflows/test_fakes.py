"""The fakes of a context do what its signatures declare, all of it, and nothing of another context."""

from types import ModuleType

import pytest

import activities.checkout.signatures
import activities.market.signatures
import activities.platform.upkeep_signatures
import activities.webhooks.signatures
from activities.platform.signatures import Activities
from tests.workflows.checkout.fake_checkouts import FakeCheckouts
from tests.workflows.fake_upkeep import FakeUpkeep
from tests.workflows.market.fake_negotiations import FakeNegotiations
from tests.workflows.market.fake_orders import FakeOrders, FakeReviews
from tests.workflows.market.fake_trust import FakeNudges, FakeTrust
from tests.workflows.market.town import Town
from tests.workflows.webhooks.fake_webhooks import Endpoint


def signatures_in(module: ModuleType) -> set[type]:
    return {value for value in vars(module).values() if isinstance(value, type) and Activities in value.__bases__}


def signatures_of(*fakes: type) -> set[type]:
    return {base for fake in fakes for base in fake.__mro__ if Activities in base.__bases__}


@pytest.mark.parametrize(
    ("module", "fakes"),
    [
        (
            activities.market.signatures,
            (FakeNegotiations, FakeOrders, FakeReviews, FakeTrust, FakeNudges),
        ),
        (activities.platform.upkeep_signatures, (FakeUpkeep,)),
        (activities.checkout.signatures, (FakeCheckouts,)),
        (activities.webhooks.signatures, (Endpoint,)),
    ],
    ids=["market", "platform", "checkout", "webhooks"],
)
def test_every_signature_of_a_context_has_its_fake(module: ModuleType, fakes: tuple[type, ...]) -> None:
    assert signatures_of(*fakes) == signatures_in(module) != set()


async def test_a_town_of_the_market_knows_no_other_context(empty_town: Town) -> None:
    served = signatures_of(*(type(fake) for fake in empty_town.fakes()))
    kernel = signatures_in(activities.platform.upkeep_signatures)
    assert served == signatures_in(activities.market.signatures) | kernel
