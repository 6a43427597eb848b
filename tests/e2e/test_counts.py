"""The counts of one flow: what it asks of Temporal and Postgres must not grow unnoticed."""

from pathlib import Path

import pytest

from souk.bench.counts import COUNTS_FILE, STEPS, FlowCounts, StepCounts, compare, count_flow, read_counts

ROOT = Path(__file__).parents[2]
KEPT = ROOT / COUNTS_FILE


@pytest.mark.slow
def test_no_count_has_grown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grown = compare(read_counts(KEPT), count_flow(tmp_path / "souk", print))
    if grown:
        # A machine that stands still for seconds makes Temporal ask twice. What costs more costs it each time.
        grown = compare(read_counts(KEPT), count_flow(tmp_path / "again", print))
    assert not grown, (
        "one flow costs more than it did:\n  "
        + "\n  ".join(grown)
        + f"\nIf it must, run `python -m souk bench counts --update`, commit {COUNTS_FILE} with the change "
        "and say in the commit's body why."
    )


def _counted(**figures: int) -> FlowCounts:
    return FlowCounts({name: StepCounts(**figures) for name in STEPS})


def test_growth_of_any_count_is_told_and_bytes_may_waver() -> None:
    kept = _counted(statements=10, history_bytes=1_000, workflow_tasks=2).json()
    assert compare(kept, _counted(statements=9, history_bytes=1_030, workflow_tasks=2)) == []
    assert compare(kept, _counted(statements=11, workflow_tasks=2)) == [
        f"{name}: statements grew from 10 to 11" for name in STEPS
    ]
    assert len(compare(kept, _counted(statements=10, history_bytes=1_031, workflow_tasks=3))) == 2 * len(STEPS)
