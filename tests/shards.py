"""How test files are ordered and shared out, so that several machines can run the suite together.

A file is never split: what its tests share is made once. Every machine collects the same files, so each finds the same
shards without asking the others.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest

_SECONDS = 0.4
"""What a test takes that does not say that it is slow."""


def seconds_of(item: pytest.Item) -> float:
    marker = item.get_closest_marker("slow")
    return float(marker.kwargs.get("seconds", 10)) if marker else _SECONDS


def longest_first(items: list[pytest.Item]) -> None:
    """Files with the longest tests first: begun last, a drill would keep the suite waiting for it alone."""
    longest: dict[Path, float] = {}
    for item in items:
        longest[item.path] = max(seconds_of(item), longest.get(item.path, 0))
    items.sort(key=lambda item: -longest[item.path])


def in_shard(items: list[pytest.Item], shard: str) -> list[pytest.Item]:
    """The tests of the shard "1/3" or "2/3" or "3/3". Raises UsageError when it is no such thing."""
    first, _, last = shard.partition("/")
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise pytest.UsageError(f"--shard {shard}: write 1/3 for the first of three")
    seconds: dict[str, float] = {}
    for item in items:
        name = item.path.as_posix()
        seconds[name] = seconds.get(name, 0) + seconds_of(item)
    mine = shards(seconds, int(last))[int(first) - 1]
    return [item for item in items if item.path.as_posix() in mine]


def shards(seconds: Mapping[str, float], count: int) -> list[set[str]]:
    """Share out files by what they take: the longest first, each to the shard with the least to do."""
    found: list[set[str]] = [set() for _ in range(count)]
    busy = [0.0] * count
    for name in sorted(seconds, key=lambda name: (-seconds[name], name)):
        least = busy.index(min(busy))
        found[least].add(name)
        busy[least] += seconds[name]
    return found
