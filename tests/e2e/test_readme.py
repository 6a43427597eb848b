"""The README's journey in curl, run as it stands."""

import os
import re
import subprocess
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


def bash_blocks() -> list[str]:
    return re.findall(r"^```bash\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.timeout(120)
def test_the_journey_in_the_readme_runs_as_it_stands(souk_url: str) -> None:
    blocks = bash_blocks()
    assert len(blocks) > 4
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],
        check=False,
        capture_output=True,
        text=True,
        timeout=110,
        # A proxy of the machine must not stand between curl and this machine.
        env={**os.environ, "SOUK": souk_url, "no_proxy": "*"},
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    gating, accepted, delivered, *rest = done.stdout.splitlines()
    assert (gating, accepted, delivered) == ("True", "ACCEPTED", "DELIVERED")
    # Who bargains stays private; who buys does not.
    assert rest.count("feed: OFFER_MADE None") == 2
    assert any(line.startswith("feed: ORDER_PLACED ") and not line.endswith("None") for line in rest)
    assert any(re.fullmatch(r"[5-9]\d\.\d+", line) for line in rest)
    assert "review: 5 stars, I read until three and it did not move." in rest
    assert any(line.startswith("trust: REVIEW_POSTED product ") for line in rest)
    assert any(line.startswith("trust: OFFER_HONORED claim ") for line in rest)
