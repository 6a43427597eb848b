"""What a bench found, as it is kept in docs/benchmarks and shown in the page: figures, ratios, verdicts.

A ratio is taken within one round, between what ran one after the other, and the median over the rounds is
judged: a noisy machine moves both sides. Invariant: a verdict says PASS only where every limit was met.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

FOLDER = Path("docs/benchmarks")
Verdict = Literal["PASS", "MISS", ""]


def quantile(values: Sequence[float], share: float) -> float:
    """The nearest-rank quantile; NaN of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else float("nan")


def median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


class Figure(BaseModel):
    """One thing measured once per round. ``at_most``: its median's limit, in its own unit."""

    name: str
    unit: str
    values: list[float] = []
    at_most: float | None = None

    @property
    def verdict(self) -> Verdict:
        if self.at_most is None:
            return ""
        return "PASS" if self.values and median(self.values) <= self.at_most else "MISS"


class Comparison(BaseModel):
    """A subject and its floor (or peer), round by round. The ratio is subject by floor.

    ``at_least`` bounds a rate's ratio from below, ``at_most`` a time's (or a size's) from above.
    """

    name: str
    unit: str
    subject: list[float] = []
    floor: list[float] = []
    at_least: float | None = None
    at_most: float | None = None

    @property
    def ratios(self) -> list[float]:
        return [a / b for a, b in zip(self.subject, self.floor, strict=False) if b]

    @property
    def verdict(self) -> Verdict:
        if self.at_least is None and self.at_most is None:
            return ""
        ratio = median(self.ratios)
        enough = self.at_least is None or ratio >= self.at_least
        return "PASS" if enough and (self.at_most is None or ratio <= self.at_most) else "MISS"


class Result(BaseModel):
    """A bench's last run. ``breaches`` are those of the market's invariants at its end."""

    bench: str
    title: str
    subject: str
    floor: str
    goal: str
    command: str
    date: str
    commit: str
    machine: dict[str, str]
    versions: dict[str, str]
    rounds: int = 0
    seconds: float = 0.0
    quick: bool = False
    interrupted: bool = False
    comparisons: list[Comparison] = []
    figures: list[Figure] = []
    facts: dict[str, str] = {}
    audit: dict[str, int] = {}
    breaches: list[str] = []

    def compare(self, name: str, unit: str, **limits: float) -> Comparison:
        """The comparison of that name, made at first use."""
        for known in self.comparisons:
            if known.name == name:
                return known
        self.comparisons.append(Comparison(name=name, unit=unit, **limits))
        return self.comparisons[-1]

    def figure(self, name: str, unit: str, at_most: float | None = None) -> Figure:
        """The figure of that name, made at first use."""
        for known in self.figures:
            if known.name == name:
                return known
        self.figures.append(Figure(name=name, unit=unit, at_most=at_most))
        return self.figures[-1]

    @property
    def verdict(self) -> Verdict:
        found = {row.verdict for row in self.comparisons} | {row.verdict for row in self.figures}
        return "MISS" if "MISS" in found or self.breaches or self.interrupted else "PASS"

    def keep(self, folder: Path = FOLDER) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.bench}.json"
        path.write_text(self.model_dump_json(indent=1) + "\n")
        return path


def kept_results(folder: Path = FOLDER) -> list[Result]:
    """The last result of every bench that was run, in the order of the issue's table."""
    order = ["flow", "cpu", "command", "read", "growth", "watch", "trust", "sleep", "start", "hot-store", "workers"]
    paths = [folder / f"{name}.json" for name in order]
    return [Result.model_validate_json(path.read_text()) for path in paths if path.exists()]
