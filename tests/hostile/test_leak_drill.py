"""The leak drill, and its tools: a search that can find, and a statistic that can see."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from souk.drills.canaries import BUYER, OBSERVER, Canary
from souk.drills.hidden_floor import ALARM, rank_test
from souk.drills.probes import NOBODY, Search

_DRILL = (sys.executable, "-m", "souk", "drill", "leak")


def test_a_canary_is_found_where_it_is_and_in_no_id() -> None:
    search = Search([Canary("price", "6123457"), Canary("message", "canaryoffer0123456789abcdef")])
    search.look("an answer", BUYER, b'{"proposed_price_cents":6123457}')
    assert search.hits == set()
    assert search.found == {(BUYER, "price")}
    search.look("an id", OBSERVER, b"0197a1c2-6123457f-61234570 16123457")
    assert search.hits == set()
    search.look("an answer", OBSERVER, b"[6123457, 1]")
    # Somebody stored it encoded and not encrypted, however it happened to be aligned.
    search.look("a file", NOBODY, b"xx" + b"eHhjYW5hcnlvZmZlcjAxMjM0NTY3ODlhYmNkZWY=")
    assert {(hit.viewer, hit.what) for hit in search.hits} == {(OBSERVER, "price"), (NOBODY, "message")}


def test_the_rank_test_sees_a_shift_and_nothing_else() -> None:
    dice = Random(1)
    same = [[dice.lognormvariate(0, 1) for _ in range(60)] for _ in range(2)]
    assert rank_test(*same) > 0.05
    shifted = [value * 4 for value in same[1]]
    assert rank_test(same[0], shifted) < ALARM
    assert rank_test([1.0] * 10, [1.0] * 10) == 1.0
    # By hand: ranks 1+2+5+8+9 = 25, so U = 10 about a mean of 15 with a spread of √30: z = 0.913, p = 0.3613.
    assert rank_test([1, 2, 5, 8, 9], [3, 4, 6, 7, 10, 11]) == pytest.approx(0.3613, abs=1e-4)


@pytest.mark.slow(seconds=150)
@pytest.mark.timeout(1500)
def test_nothing_leaks(tmp_path: Path) -> None:
    drill = subprocess.run(
        [*_DRILL, "--trials", "14", "--data-dir", str(tmp_path / "drill"), "--json"],
        check=False,
        capture_output=True,
        text=True,
        timeout=1480,
    )
    assert drill.stdout, drill.stderr[-3000:]
    report = json.loads(drill.stdout)
    assert (drill.returncode, report["hits"], report["failed"]) == (0, [], [])
    assert report["canaries"] > 40
    assert report["requests"] > 500
    assert report["linking"]["guesses"] > 5_000
    assert (report["linking"]["buyers_named"], report["linking"]["purchases"]) == (2, 2)
    for state in ("PROPOSED", "ACCEPTED", "REJECTED DECLINED", "EXPIRED NOT_ANSWERED", "CANCELLED WITHDRAWN"):
        assert state in report["states"]
