"""What a bench's figures amount to: medians, ratios, verdicts, and the page made of them."""

import asyncio
import math
from pathlib import Path

import pytest

from souk.bench.harness import Bench
from souk.bench.page import render, shown, spread
from souk.bench.plans import Plans
from souk.bench.results import Comparison, Figure, Result, kept_results, median, quantile
from souk.bench.samples import Samples


def _result(**more: object) -> Result:
    known = dict.fromkeys(("title", "subject", "floor", "goal", "command", "date", "commit"), "some")
    return Result(bench="flow", machine={"cores": "2"}, versions={"python": "3"}, **{**known, **more})


def test_medians_and_quantiles() -> None:
    assert median([3, 1, 2]) == 2
    assert median([4, 1, 2, 3]) == 2.5
    assert quantile(range(1, 101), 0.99) == 99
    assert quantile([5.0], 0.5) == 5.0
    assert math.isnan(median([]))
    assert math.isnan(quantile([], 0.5))


def test_a_ratio_is_taken_within_its_round() -> None:
    # The machine was twice as slow in the second round: the ratios do not show it.
    row = Comparison(name="flows", unit="1/s", subject=[80, 40, 90], floor=[100, 50, 100], at_least=0.8)
    assert row.ratios == [0.8, 0.8, 0.9]
    assert row.verdict == "PASS"
    assert row.model_copy(update={"at_least": 0.81}).verdict == "MISS"
    assert Comparison(name="p99", unit="ms", subject=[3], floor=[1], at_most=2).verdict == "MISS"
    assert Comparison(name="told only", unit="ms", subject=[3], floor=[1]).verdict == ""
    assert Comparison(name="nothing measured", unit="ms", at_most=2).verdict == "MISS"


def test_a_p99_is_one_of_all_rounds_together() -> None:
    result = _result()
    samples = Samples(result, p50=1.5, p99=2)
    for slow in (range(1, 101), [100] * 100):
        samples.note("subject", {"offer": list(slow)}, "idle")
        samples.note("floor", {"offer": [50.0] * 100}, "idle")
    samples.note("subject", {"buy": [1.0]}, "idle")  # interrupted before its floor
    samples.finish()
    p50, buy, p99 = result.comparisons
    assert (p50.name, p50.subject, p50.floor, p50.verdict) == ("offer, idle, p50", [50, 100], [50, 50], "PASS")
    assert (buy.name, buy.floor) == ("buy, idle, p50", [])
    assert (p99.name, p99.subject, p99.floor, p99.verdict) == ("offer, idle, p99", [100], [50], "PASS")


def test_a_read_without_a_scan_or_many_rows_is_flat() -> None:
    plans = Plans(
        routes={"/a": ["a: Index Scan"], "/b": ["b: Seq Scan"], "/c": ["c: Index Scan"]},
        scans={"/b": ["b: SELECT"]},
        many_rows={"/c": ["c: Index Scan: 30,000 rows"]},
    )
    assert plans.flat == ["/a"]
    assert plans.summary == (
        "3 reads explained, 1 flat, 1 scan a whole large table (/b), 1 read 20,000 rows or more by an index (/c)"
    )


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ({}, "PASS"),
        ({"figures": [Figure(name="start", unit="s", values=[9], at_most=8)]}, "MISS"),
        ({"breaches": ["invariant 1: a listing"]}, "MISS"),
        ({"interrupted": True}, "MISS"),
    ],
)
def test_a_bench_passes_only_where_everything_does(more: dict[str, object], verdict: str) -> None:
    assert _result(**more).verdict == verdict


def test_what_is_kept_is_what_the_page_shows(tmp_path: Path) -> None:
    result = _result()
    row = result.compare("flows a second", "1/s", at_least=0.8)
    row.subject, row.floor = [50.0, 60.0, 70.0], [100.0, 100.0, 100.0]
    assert result.compare("flows a second", "1/s") is row
    result.figure("memory", "MiB").values.append(12.34)
    result.audit = {"invariant 1": 0}
    result.keep(tmp_path)
    assert kept_results(tmp_path) == [result]
    page = render(tmp_path, tmp_path / "no-counts.json")
    assert "| flows a second | 1/s | 60.0 (50.0–70.0) | 100 (100–100) | 0.600 (0.500–0.700) | ≥ 0.8 | MISS |" in page
    assert "1 invariants, no breach" in page
    assert shown(1_234.5) == "1,234"
    assert spread([]).startswith("–")


async def test_an_interruption_keeps_the_whole_rounds(tmp_path: Path) -> None:
    bench, result = Bench(tmp_path, print), _result()

    async def one_round(number: int) -> None:
        if number == 2:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        await asyncio.sleep(0)

    await bench.in_turns(result, one_round)
    assert (result.rounds, result.interrupted) == (2, True)
    await asyncio.sleep(0)  # the cancellation is over
