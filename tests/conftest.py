"""Real parts for tests: one Postgres cluster per test process, one migrated database, one Temporal server.

Everything is started on first use, so the rules' tests start nothing. Databases are not emptied between
tests: every test makes its own agents, stores and listings and looks only at those.
"""

import base64
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import hypothesis
import pytest
import pytest_asyncio
from temporalio.client import Client

from config.settings import Settings
from db.migrate import upgrade
from db.platform.database import Database
from souk.stack.embedded import EmbeddedPostgres, EmbeddedTemporal
from tests.databases import opened
from tests.shards import in_shard, longest_first
from tests.slow_commits import slow_commits
from workflows.client import connect

# httpx gives up after five seconds. Here a timeout ends a hung test, and a busy machine takes its time.
for _part in ("connect", "read", "write", "pool"):
    setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, _part, 120.0)

# A shell starts what runs in its background deaf to Ctrl-C, and children inherit that; some tests end them by it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test asserts how long an example takes.
hypothesis.settings.register_profile("souk", deadline=None)
hypothesis.settings.load_profile("souk")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shard", metavar="M/N", help="run the files of the Mth of N shards alone")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    shard = config.getoption("shard")
    if shard is not None:
        mine = in_shard(items, shard)
        config.hook.pytest_deselected(items=[item for item in items if item not in set(mine)])
        items[:] = mine
    longest_first(items)


# How long the API waits for a process, and until when a request counts as lost: a busy machine takes its time, and no
# test but those of the waits themselves shall find out how much.
PATIENT = {"update_timeout_seconds": 60, "idempotency_lease_seconds": 90}

TEST_KEY_RING = "t1:" + base64.b64encode(b"a key for the tests, 32 bytes ok").decode()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A cluster of its own for this test process."""
    server = EmbeddedPostgres(Path(tmp_path_factory.mktemp("pg")), fast=True)
    with server, slow_commits(server.url("postgres")):
        yield server


@pytest.fixture(scope="session")
def common_url(postgres: EmbeddedPostgres) -> str:
    """The migrated database of most tests, as its owner.

    No folder overrides it, so what the whole session shares is always of this one: a shared fixture that was made of an
    overridden ``owner_url`` would be of another database for whoever asks for it afterwards.
    """
    url = postgres.url()
    upgrade(url)
    return url


@pytest.fixture(scope="session")
def owner_url(common_url: str) -> str:
    """The database of a folder's tests, as its owner. A folder may have another one."""
    return common_url


@pytest.fixture(scope="session")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTemporal]:
    """A dev server in memory, with the namespace and search attributes of the real one."""
    with EmbeddedTemporal(None) as server:
        yield server


@pytest.fixture(scope="session")
def settings(common_url: str, temporal: EmbeddedTemporal) -> Settings:
    """Settings over the test's own Postgres and Temporal, with the market's default policy."""
    return Settings(
        database_url=common_url,
        temporal_address=temporal.address,
        payload_keys=TEST_KEY_RING,
        credential_secret="a secret for the tests",
        log_level="WARNING",
        **PATIENT,
    )


@pytest_asyncio.fixture(scope="session")
async def worker_database(common_url: str) -> AsyncIterator[Database]:
    """The pool activities use, in the worker's role."""
    async with opened(common_url, "worker") as database:
        yield database


@pytest_asyncio.fixture(scope="session")
async def api_database(common_url: str) -> AsyncIterator[Database]:
    """The pool of the API's role: row-level security applies."""
    async with opened(common_url, "api") as database:
        yield database


@pytest_asyncio.fixture(scope="session")
async def temporal_client(settings: Settings) -> Client:
    """A client whose payloads are encrypted with the tests' key."""
    return await connect(
        settings.temporal_address, settings.temporal_namespace, settings.payload_keys.get_secret_value()
    )
