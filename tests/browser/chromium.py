"""Debian's chromium, driven by Playwright. The driver's own browsers are not used."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Playwright

CHROMIUM = Path("/usr/bin/chromium")
_ARGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def chromium(playwright: Playwright, **options: Any) -> Iterator[BrowserContext]:
    """A browser with an empty profile, for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as profile:
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=_ARGS, **options
        )
        try:
            yield browser
        finally:
            browser.close()
