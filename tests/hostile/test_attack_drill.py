"""The attack drill, short: every probe once, against a Souk of its own, by the command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from souk.drills.attack.findings import Findings
from souk.drills.attack.table import NAMES


@pytest.mark.slow(seconds=90)
@pytest.mark.timeout(900)
def test_what_strangers_tried_holds(tmp_path: Path) -> None:
    drill = subprocess.run(
        [sys.executable, "-m", "souk", "drill", "attack", "--short", "--json", "--data-dir", str(tmp_path / "drill")],
        check=False,
        capture_output=True,
        text=True,
        timeout=880,
    )
    assert drill.stdout, drill.stderr[-3000:]
    report = json.loads(drill.stdout)
    assert (drill.returncode, report["breaches"]) == (0, []), drill.stderr[-2000:]
    assert tuple(report["probes"]) == NAMES
    # A probe that looked at nothing would have found nothing either.
    assert [name for name, found in report["probes"].items() if not found["held"]] == []


def test_what_is_not_as_it_should_be_is_told() -> None:
    found = Findings()
    found.expect("one unit stays", 1, 1)
    found.expect("one unit stays", 0, 1)
    assert (found.held, found.broke) == (["one unit stays"], ["one unit stays: 0, not 1"])


def test_only_probes_that_there_are() -> None:
    drill = subprocess.run(
        [sys.executable, "-m", "souk", "drill", "attack", "--only", "everything"],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert drill.returncode == 2, drill.stderr
    assert "there is no probe everything" in drill.stderr
