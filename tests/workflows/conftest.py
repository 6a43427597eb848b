"""A town per test: on a time-skipping server of its own, or on the shared dev server with a queue of its own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest_asyncio
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.testing import WorkflowEnvironment

from db.platform.ids import new_id
from domain.market.policy import MarketPolicy
from souk.stack.embedded import SEARCH_ATTRIBUTES, EmbeddedTemporal
from tests.conftest import TEST_KEY_RING
from tests.workflows.market.books import Books
from tests.workflows.market.town import Town
from workflows.client import connect
from workflows.codec import data_converter

# The engine's core warns on every start that the time-skipping server is an old one.
_QUIET = TelemetryConfig(logging=LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR")))
_SERVER = Path(sys.executable).with_name("temporal-test-server")


@pytest_asyncio.fixture(scope="session")
async def quiet() -> Runtime:
    return Runtime(telemetry=_QUIET)


@pytest_asyncio.fixture
async def env(quiet: Runtime) -> AsyncIterator[WorkflowEnvironment]:
    """Time that skips. One per test: time is global to it, and a failed task would stop it for others."""
    async with await WorkflowEnvironment.start_time_skipping(
        data_converter=data_converter(TEST_KEY_RING), test_server_existing_path=str(_SERVER), runtime=quiet
    ) as started:
        await started.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=started.client.namespace,
                search_attributes=dict.fromkeys(SEARCH_ATTRIBUTES, IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD),
            )
        )
        yield started


@pytest_asyncio.fixture
async def empty_town(env: WorkflowEnvironment) -> Town:
    """Nobody works yet."""
    return Town(env.client, Books(env.get_current_time), "town", env.sleep)


@pytest_asyncio.fixture
async def town(empty_town: Town) -> AsyncIterator[Town]:
    async with empty_town.worker():
        yield empty_town


@pytest_asyncio.fixture(scope="session")
async def dev_client(temporal: EmbeddedTemporal) -> Client:
    """The dev server, for what the time-skipping one lacks."""
    return await connect(temporal.address, temporal.namespace, TEST_KEY_RING)


@pytest_asyncio.fixture
async def dev_town(dev_client: Client) -> Town:
    """Ids of its own, dates within a second or two; nobody works yet."""

    async def now() -> datetime:
        return datetime.now(UTC)  # the clock of this town is the real one

    policy = MarketPolicy(
        offer_expiry_seconds=1,
        purchase_window_seconds=1,
        promised_delivery_seconds=2,
        return_window_seconds=1,
        refund_answer_seconds=1,
        review_window_seconds=2,
        auto_answer_min_seconds=0.1,
        auto_answer_max_seconds=0.2,
        trust_fold_delay_seconds=0.05,
    )
    name = str(new_id())
    return Town(dev_client, Books(now), name, asyncio.sleep, policy, salt=name)
