"""Times of single commands, round by round: a median of each round, and one p99 of all rounds together.

Forty commands have no 99th of a hundred; two hundred have.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from souk.bench.results import Result, quantile

Side = Literal["subject", "floor"]


class Samples:
    """What was timed on both sides, by kind. ``p50`` and ``p99``: the most their ratio may be."""

    def __init__(self, result: Result, p50: float, p99: float) -> None:
        self._result = result
        self._limits = (p50, p99)
        self._all: dict[str, dict[Side, list[float]]] = {}

    def note(self, side: Side, times: Mapping[str, Sequence[float]], when: str = "") -> None:
        """One side's milliseconds of one round, by command."""
        for command, found in times.items():
            kind = f"{command}, {when}" if when else command
            row = self._result.compare(f"{kind}, p50", "ms", at_most=self._limits[0])
            (row.subject if side == "subject" else row.floor).append(quantile(found, 0.5))
            self._all.setdefault(kind, {"subject": [], "floor": []})[side].extend(found)

    def finish(self) -> None:
        """After the last round, the one that was interrupted too."""
        for kind, sides in self._all.items():
            if not all(sides.values()):
                continue
            row = self._result.compare(f"{kind}, p99", "ms", at_most=self._limits[1])
            row.subject.append(quantile(sides["subject"], 0.99))
            row.floor.append(quantile(sides["floor"], 0.99))
        fewest = min((len(times) for sides in self._all.values() for times in sides.values()), default=0)
        self._result.facts["p99"] = f"of all rounds together, at least {fewest} samples of each kind and side"
