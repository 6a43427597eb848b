"""The README leads to every page, and the journey of docs/rest.md runs as it stands.

docs/client.md is executed by test_client_docs, docs/webhooks.md by test_webhook_docs, docs/mcp.md by test_mcp_docs,
docs/ucp.md by test_ucp_docs.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))])
def test_what_a_page_links_to_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    missing = [link for link in LINK.findall(text) if not (ROOT / page).parent.joinpath(link).exists()]
    assert not missing


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {Path(link).name for link in LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))}
    assert {page.name for page in (ROOT / "docs").glob("*.md")} <= linked


def test_the_journey_in_curl_runs_as_it_stands(souk_url: str) -> None:
    journey = blocks((ROOT / "docs" / "rest.md").read_text(encoding="utf-8"), "bash")
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
