"""The crash drill itself, short: two minutes of trade with a dozen kills and more.

The figures are not asserted, only what must hold.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from souk.drills.faults import KILLED, schedule

pytestmark = [pytest.mark.slow(seconds=180), pytest.mark.timeout(900)]


def test_nothing_is_lost_or_doubled_while_everything_is_killed(tmp_path: Path) -> None:
    options = {
        "--minutes": "2", "--kills": "12", "--writes": "201",
        "--seed": "5", "--quiet": "1.2", "--data-dir": str(tmp_path / "drill"),
    }  # fmt: skip
    drill = subprocess.run(
        [
            sys.executable,
            "-m",
            "souk",
            "drill",
            "crash",
            "--json",
            *(part for pair in options.items() for part in pair),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=880,
    )
    assert drill.stdout, drill.stderr[-3000:]
    report = json.loads(drill.stdout)
    assert (drill.returncode, report["breaches"]) == (0, []), drill.stderr[-2000:]
    assert report["kills"] >= 12
    assert {f"kill {part}" for part in KILLED} <= set(report["blows"])
    assert report["lost"] == report["doubled"] == report["unresolved"] == 0
    # A market that stood still would have lost nothing either.
    assert report["acknowledged"] > 200
    assert report["retried"] > 0
    for kind in ("offer", "accept", "order", "review", "restock"):
        assert report["by_kind"][kind] > 0, kind


def test_a_seed_strikes_the_same_way_again() -> None:
    first, again, other = (schedule(seed, 3.0) for seed in (11, 11, 12))
    blows = [next(first) for _ in range(50)]
    assert blows == [next(again) for _ in range(50)]
    assert blows != [next(other) for _ in range(50)]
    assert {fault.kind for blow in blows for fault in blow.faults} >= {f"kill {part}" for part in KILLED}
