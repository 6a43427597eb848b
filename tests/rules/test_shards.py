"""The shards of the suite: every file is in exactly one of them, and they take about as long."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shards import in_shard, shards

ROOT = Path(__file__).parents[2]
FILES = st.dictionaries(st.text(min_size=1), st.floats(0.1, 200), max_size=60)


@given(FILES, st.integers(1, 8), st.randoms(use_true_random=False))
def test_every_file_is_in_exactly_one_shard_whatever_order_it_is_found_in(seconds, count, shuffler) -> None:
    found = shards(seconds, count)
    assert len(found) == count
    assert sorted(name for shard in found for name in shard) == sorted(seconds)
    shuffled = list(seconds.items())
    shuffler.shuffle(shuffled)
    assert shards(dict(shuffled), count) == found


@given(FILES, st.integers(1, 8))
def test_no_shard_has_more_to_do_than_the_others_by_more_than_one_file(seconds, count) -> None:
    busy = [sum(seconds[name] for name in shard) for shard in shards(seconds, count)]
    assert max(busy) - min(busy) <= max(seconds.values(), default=0) + 1e-6


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_test_of_this_run_is_in_one_shard_with_its_whole_file(request: pytest.FixtureRequest, count: int) -> None:
    items = request.session.items
    found = [in_shard(items, f"{number}/{count}") for number in range(1, count + 1)]
    assert sorted(item.nodeid for shard in found for item in shard) == sorted(item.nodeid for item in items)
    files = [path for shard in found for path in {item.path for item in shard}]
    assert len(files) == len(set(files))


@pytest.mark.parametrize("shard", ["0/2", "3/2", "2", "one/two", "-1/2", ""])
def test_what_is_no_shard_is_refused(shard: str) -> None:
    with pytest.raises(pytest.UsageError, match="write 1/3"):
        in_shard([], shard)


@pytest.mark.slow(seconds=5)
def test_the_option_leaves_the_other_shards_out() -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/rules/webhooks", "--shard=2/2"]
    done = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
    files = {line.partition(":")[0] for line in done.stdout.splitlines() if line.startswith("tests/")}
    assert files == {"tests/rules/webhooks/test_webhook_verification.py"}
