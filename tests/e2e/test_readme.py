"""The README leads to every page, and the journey of docs/rest.md runs as it stands.

docs/client.md is executed by test_client_docs, docs/webhooks.md by test_webhook_docs, docs/mcp.md by test_mcp_docs,
docs/ucp.md by test_ucp_docs.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.pages import ROOT, blocks, run_shell

LINK = re.compile(r"\]\((?!https?://)([^)#]+)")


PAGES = ["README.md", *(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))]
RUN_AS_THEY_STAND = {
    ("docs/client.md", "python"), ("docs/client.md", "bash"), ("docs/rest.md", "bash"), ("docs/ucp.md", "bash"),
    ("docs/ucp.md", "python"), ("docs/mcp.md", "python"), ("docs/webhooks.md", "python"),
}  # fmt: skip
"""Pages with blocks in a language, all of which a test runs."""


def test_every_block_that_can_be_pasted_is_run_by_a_test() -> None:
    found = {(page, language) for page in PAGES for language in ("bash", "python", "sh") if blocks(page, language)}
    assert found == RUN_AS_THEY_STAND


@pytest.mark.parametrize("line", sorted({
    line.strip() for page in PAGES for line in (ROOT / page).read_text().splitlines() if "python examples/" in line
}))  # fmt: skip
def test_an_example_takes_the_options_that_a_page_gives_it(line: str) -> None:
    python, script, *options = shlex.split(line)
    assert python == ".venv/bin/python"
    done = subprocess.run([sys.executable, script, "--help"], check=True, capture_output=True, text=True, cwd=ROOT)
    for option in options:
        assert not option.startswith("--") or f"{option} " in done.stdout


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_links_to_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    missing = [link for link in LINK.findall(text) if not (ROOT / page).parent.joinpath(link).exists()]
    assert not missing


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {Path(link).name for link in LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))}
    assert {page.name for page in (ROOT / "docs").glob("*.md")} <= linked


def test_the_journey_in_curl_runs_as_it_stands(souk_url: str, tmp_path: Path) -> None:
    journey = blocks("docs/rest.md", "bash")
    assert len(journey) > 4
    gating, accepted, delivered, paid, *rest = run_shell(souk_url, tmp_path, "\n".join(journey))
    assert (gating, accepted, delivered, paid) == ("True", "ACCEPTED", "DELIVERED", "CONFIRMED")
    # Who bargains stays private; who buys does not.
    assert rest.count("feed: OFFER_MADE None") == 2
    assert any(line.startswith("feed: ORDER_PLACED ") and not line.endswith("None") for line in rest)
    assert any(re.fullmatch(r"[5-9]\d\.\d+", line) for line in rest)
    assert "review: 5 stars, I read until three and it did not move." in rest
    assert any(line.startswith("trust: REVIEW_POSTED product ") for line in rest)
    assert any(line.startswith("trust: OFFER_HONORED claim ") for line in rest)


@pytest.mark.parametrize("example", ["merchant", "customer", "language_model"])
def test_git_does_not_see_the_key_of_an_example_agent(example: str) -> None:
    text = (ROOT / "examples" / f"{example}.py").read_text(encoding="utf-8")
    found = re.search(r'"--key-file", type=Path, default=Path\("([^"]+)"\)', text)
    assert found is not None
    folder, _, name = found[1].partition("/")
    assert name
    assert f"{folder}/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
