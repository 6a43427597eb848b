"""The README's doors: the journey in curl is run as it stands, the others are copies of what a test executes.

docs/client.md by test_client_docs, docs/webhooks.md by test_webhook_docs, docs/mcp.md by test_mcp_docs, docs/ucp.md by
test_ucp_docs.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOORS = {"Python": "client", "Webhooks": "webhooks", "MCP": "mcp", "UCP": "ucp"}


def section(name: str) -> str:
    """What stands under a heading of the third level."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"^### {name}\n(.*?)(?=^##)", text, re.DOTALL | re.MULTILINE)
    assert found is not None, f"README has no section {name}"
    return found[1]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("door", DOORS)
def test_what_the_readme_shows_of_a_door_is_executed_from_its_page(door: str) -> None:
    page = (ROOT / "docs" / f"{DOORS[door]}.md").read_text(encoding="utf-8")
    shown = blocks(section(door), r"\w+")
    assert shown
    assert set(shown) <= set(blocks(page, r"\w+"))


def test_the_journey_in_the_readme_runs_as_it_stands(souk_url: str) -> None:
    journey = blocks(section("REST"), "bash")
    assert len(journey) > 4
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(journey)],
        check=False,
        capture_output=True,
        text=True,
        timeout=280,
        # A proxy of the machine must not stand between curl and this machine.
        env={**os.environ, "SOUK": souk_url, "no_proxy": "*"},
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    gating, accepted, delivered, paid, *rest = done.stdout.splitlines()
    assert (gating, accepted, delivered, paid) == ("True", "ACCEPTED", "DELIVERED", "CONFIRMED")
    # Who bargains stays private; who buys does not.
    assert rest.count("feed: OFFER_MADE None") == 2
    assert any(line.startswith("feed: ORDER_PLACED ") and not line.endswith("None") for line in rest)
    assert any(re.fullmatch(r"[5-9]\d\.\d+", line) for line in rest)
    assert "review: 5 stars, I read until three and it did not move." in rest
    assert any(line.startswith("trust: REVIEW_POSTED product ") for line in rest)
    assert any(line.startswith("trust: OFFER_HONORED claim ") for line in rest)
