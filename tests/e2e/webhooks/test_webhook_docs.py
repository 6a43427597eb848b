"""The receiver in docs/webhooks.md, run as it stands, and the page's numbers against the policy's."""

import os
import re
import subprocess
import sys
from pathlib import Path

from domain.webhooks.policy import WebhookPolicy
from tests.running import RunningSouk

PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")


def test_the_receiver_runs_as_it_stands(hasty_souk: RunningSouk) -> None:
    (script,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "SOUK": hasty_souk.url, "no_proxy": "*"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "heard TEST ['test_id', 'webhook_id']\n"


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
