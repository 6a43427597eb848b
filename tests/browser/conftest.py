"""A running Souk and a browser to look at it. Without a chromium these tests are left out; CI installs one."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, Request, expect, sync_playwright
from sqlalchemy.engine import make_url

from config.settings import Settings
from db.platform.ids import new_id
from db.platform.keys import format_key, hash_secret, random_secret
from domain.webhooks.policy import WebhookPolicy
from tests.browser.chromium import CHROMIUM, chromium
from tests.running import RunningSouk

# What a page shows after a while is waited for; no test asserts how long it takes.
expect.set_options(timeout=30_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not CHROMIUM.exists():
        for item in items:
            if "tests/browser/" in str(item.path):
                item.add_marker(pytest.mark.skip(reason=f"no browser at {CHROMIUM}"))


@pytest.fixture(scope="session")
def souk(settings: Settings) -> Iterator[RunningSouk]:
    # As the journeys' own: in one test process both take deliveries from the same queue.
    local = settings.model_copy(update={"webhooks": WebhookPolicy(allow_loopback=True)})
    with RunningSouk(local) as running:
        yield running


@pytest.fixture(scope="session")
def url(souk: RunningSouk) -> str:
    return souk.url


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    # Not for the whole session: Playwright's loop must not run while another module's async tests do.
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[BrowserContext]:
    with chromium(playwright, viewport={"width": 1280, "height": 900}) as context:
        yield context


@dataclass
class Watched:
    """A page, and what it asked for and complained of."""

    page: Page
    requests: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture
def watched(browser: BrowserContext) -> Iterator[Watched]:
    page = browser.new_page()
    found = Watched(page)
    page.on("request", lambda request: found.requests.append(request))  # noqa: PLW0108 - Playwright marks its handlers
    page.on("console", lambda message: found.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    yield found
    page.close()


@pytest.fixture
def page(watched: Watched) -> Page:
    return watched.page


def make_operator_key(settings: Settings, label: str = "Ada") -> str:
    """A new operator's key."""
    key_id, secret = new_id(), random_secret()

    with psycopg.connect(make_url(settings.database_url).set(drivername="postgresql").render_as_string(False)) as owner:
        owner.execute(
            "INSERT INTO api_keys (key_id, kind, label, secret_hash) VALUES (%s, 'OPERATOR', %s, %s)",
            [key_id, label, hash_secret(secret)],
        )
    return format_key(key_id, secret)
