"""The receiver in docs/webhooks.md, run as it stands, and the page's numbers against the policy's."""

import re
from pathlib import Path

from domain.webhooks.policy import WebhookPolicy
from tests.e2e.pages import ROOT, blocks, run_pasted
from tests.running import RunningSouk

PAGE = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")


def test_the_receiver_runs_as_it_stands(hasty_souk: RunningSouk, own_python: Path, tmp_path: Path) -> None:
    (script,) = blocks("docs/webhooks.md", "python")
    said = run_pasted(hasty_souk.url, tmp_path, str(own_python), "-c", script)
    assert said == ["heard TEST ['test_id', 'webhook_id']"]


def test_the_schedule_is_the_policys() -> None:
    units = {"s": 1, "min": 60, "h": 3600}
    row = next(line for line in PAGE.splitlines() if line.startswith("| wait |"))
    waits = [int(number) * units[unit] for number, unit in re.findall(r"(\d+) (s|min|h)\b", row)]
    assert tuple(waits) == WebhookPolicy().retry_seconds
    assert f"some {sum(waits) // 3600:.0f} hours" in PAGE
    assert f"may have {WebhookPolicy().max_per_agent} of them" in PAGE
    assert f"within {WebhookPolicy().timeout_seconds:.0f} seconds" in PAGE
    assert f"for {WebhookPolicy().pause_after_seconds / 86400:.0f} days is **paused**" in PAGE
    assert f"listed for {WebhookPolicy().dead_letter_retention_days} days" in PAGE
