"""Here the town serves checkouts too."""

import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from tests.workflows.checkout.shopper import ShoppingTown
from tests.workflows.market.books import Books


@pytest_asyncio.fixture
async def empty_town(env: WorkflowEnvironment) -> ShoppingTown:
    """Nobody works yet."""
    return ShoppingTown(env.client, Books(env.get_current_time), "town", env.sleep)
