"""The pictures in the README: ``python -m tests.browser.screenshots`` on a fresh Souk with the demo's agents.

Starts a Souk of its own, lets the scripted agents trade, and writes docs/images/market.png and store.png.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

from souk.stack.background import BackgroundStack
from tests.browser.chromium import chromium

IMAGES = Path(__file__).parents[2] / "docs" / "images"


def main() -> None:
    """Write both pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, BackgroundStack(Path(data)) as background:
        stack = background.running
        subprocess.run(
            [sys.executable, "-m", "souk", "demo", "--api", stack.api], check=True, stdout=subprocess.DEVNULL
        )
        best = httpx.get(f"{stack.api}/v1/leaderboard", params={"limit": 1}).json()["items"][0]["store_id"]
        with sync_playwright() as playwright, chromium(playwright, viewport={"width": 1280, "height": 860}) as browser:
            page = browser.new_page()
            for name, path in (("market", "/"), ("store", f"/stores/{best}")):
                page.goto(stack.api + path)
                page.wait_for_timeout(800)
                page.screenshot(path=IMAGES / f"{name}.png")
                sys.stdout.write(f"{IMAGES / name}.png\n")


if __name__ == "__main__":
    main()
