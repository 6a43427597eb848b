"""A running Souk for the journeys: one with the market's own dates, one whose dates are seconds."""

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import Settings
from domain.market.policy import MarketPolicy
from domain.webhooks.policy import WebhookPolicy
from souk.stack.embedded import EmbeddedPostgres, EmbeddedTemporal
from tests.conftest import PATIENT, TEST_KEY_RING
from tests.databases import make_database
from tests.e2e.checkout.ucp_shop import price_list
from tests.e2e.people import Shop
from tests.running import RunningSouk


@pytest.fixture(scope="session")
def own_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of somebody who has no Souk, but its client and the packages that the pages name."""
    folder = tmp_path_factory.mktemp("own-python")
    uv = [sys.executable, "-m", "uv", "--quiet"]
    subprocess.run([*uv, "venv", "--allow-existing", "--python", sys.executable, str(folder)], check=True)
    client = Path(__file__).parents[2] / "clients" / "python"
    subprocess.run([*uv, "pip", "install", "--python", str(folder), str(client), "mcp"], check=True)
    return folder / "bin" / "python"


@pytest.fixture(scope="session")
def souk(settings: Settings) -> Iterator[RunningSouk]:
    """The API and worker over the tests' own Postgres and Temporal. Webhooks may go to this machine.

    Thresholds answer within seconds, where a market takes its time.
    """
    market = MarketPolicy(auto_answer_min_seconds=0.5, auto_answer_max_seconds=3)
    local = settings.model_copy(update={"webhooks": WebhookPolicy(allow_loopback=True), "market": market})
    with RunningSouk(local) as running:
        yield running


@pytest.fixture(scope="session")
def souk_url(souk: RunningSouk) -> str:
    return souk.url


@pytest.fixture(scope="session")
def hasty_souk(postgres: EmbeddedPostgres) -> Iterator[RunningSouk]:
    """A Souk of its own, on its own database and Temporal, where nothing takes longer than seconds."""
    url = make_database(postgres, "hasty")
    policy = MarketPolicy(
        offer_expiry_seconds=1.5,
        offer_reminder_share=0.1,
        purchase_window_seconds=1.5,
        auto_answer_min_seconds=0.1,
        auto_answer_max_seconds=0.3,
        promised_delivery_seconds=2,
        return_window_seconds=2,
        refund_answer_seconds=1.5,
        review_window_seconds=2,
        reply_deadline_seconds=1.5,
        trust_fold_delay_seconds=0.1,
    )
    with (
        EmbeddedTemporal(None) as temporal,
        RunningSouk(
            Settings(
                database_url=url,
                temporal_address=temporal.address,
                payload_keys=TEST_KEY_RING,
                credential_secret="a secret for the tests",
                log_level="WARNING",
                **PATIENT,
                market=policy,
                webhooks=WebhookPolicy(
                    allow_loopback=True, retry_seconds=(0.2, 0.2, 0.2), max_per_agent=4, concurrency=3
                ),
            )
        ) as running,
    ):
        yield running


@pytest.fixture(scope="session")
def shopping_souk(postgres: EmbeddedPostgres) -> Iterator[RunningSouk]:
    """A Souk of its own in the test-only mode: platforms on this machine, a payment handler that moves no money."""
    url = make_database(postgres, "shopping")
    with (
        EmbeddedTemporal(None) as temporal,
        RunningSouk(
            Settings(
                database_url=url,
                temporal_address=temporal.address,
                payload_keys=TEST_KEY_RING,
                credential_secret="a secret for the tests",
                ucp_signing_keys=base64.b64encode(b"a signing key for tests 32 bytes").decode(),
                simulation={"enabled": True, "secret": "a secret of the simulation"},
                webhooks={"retry_seconds": (0.2, 0.2, 0.2)},
                log_level="WARNING",
                **PATIENT,
            )
        ) as running,
    ):
        yield running


@pytest.fixture(scope="session")
def ucp_url(shopping_souk: RunningSouk) -> str:
    return shopping_souk.url


@pytest.fixture(scope="session")
def ucp_shop(shopping_souk: RunningSouk) -> Shop:
    """A shop with shipping rates and discount codes; its goods cost 35.00 and are shipped."""
    made = Shop.open(shopping_souk.url, delivery="SHIPPED", inventory_on_hand=200, price_cents=3_500)
    price_list(shopping_souk, made)
    return made
