"""What the crash drill does to a stack, and when: drawn from a seed, so that a bad run can be repeated.

Kinds come from a bag that is refilled when it is empty, so a short drill too sees each of them. Now and then
two parts are hit at once.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random  # noqa: TID251 - seeded: a schedule, not a rule

from souk.drills.crowd import Crowd
from souk.drills.stack import DrillStack, Part

KILLED = ("worker", "api", "postgres", "temporal")
_BAG = (
    *(("kill", name) for name in KILLED),
    *(("kill", name) for name in KILLED),
    ("kill", "postgres backend"),
    *(("pause", name) for name in KILLED),
    ("cut", "database connections"),
    ("cut", "client connections"),
    ("cut", "client connections"),
)
_SHARE_OF_PAIRS = 0.25


@dataclass(frozen=True, slots=True)
class Fault:
    """``lasts``: seconds a part stays down or stands still."""

    action: str
    target: str
    lasts: float

    @property
    def kind(self) -> str:
        return f"{self.action} {self.target}"


@dataclass(frozen=True, slots=True)
class Blow:
    """One or two faults at once, ``after`` seconds of quiet."""

    after: float
    faults: tuple[Fault, ...]


def schedule(seed: int, quiet_seconds: float) -> Iterator[Blow]:
    """Blows without end. ``quiet_seconds`` is the mean pause between them."""
    dice = Random(f"faults/{seed}")  # noqa: S311 - a schedule, not a secret
    bag: list[tuple[str, str]] = []

    def draw() -> Fault:
        if not bag:
            bag.extend(_BAG)
            dice.shuffle(bag)
        action, target = bag.pop()
        return Fault(action, target, dice.uniform(0.2, 1.5) if action == "kill" else dice.uniform(0.5, 4.0))

    while True:
        faults = [draw()]
        if dice.random() < _SHARE_OF_PAIRS:
            second = draw()
            if second.target.split()[0] != faults[0].target.split()[0]:
                faults.append(second)
        yield Blow(dice.uniform(0.25, 1.75) * quiet_seconds, tuple(faults))


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that was carried out, and when (monotonic seconds)."""

    fault: Fault
    at: float


class Striker:
    """Carries blows out on a stack and its crowd, from the main thread."""

    def __init__(self, stack: DrillStack, crowd: Crowd, seed: int) -> None:
        self._stack = stack
        self._crowd = crowd
        self._dice = Random(f"victims/{seed}")  # noqa: S311
        self.struck: list[Struck] = []

    @property
    def kills(self) -> int:
        return sum(1 for struck in self.struck if struck.fault.action == "kill")

    def strike(self, blow: Blow) -> None:
        """All faults at once, then each part is restarted or resumed when its time is over."""
        to_mend: list[tuple[float, Fault]] = []
        for fault in blow.faults:
            if self._hit(fault):
                self.struck.append(Struck(fault, time.monotonic()))
                to_mend.append((time.monotonic() + fault.lasts, fault))
        for due, fault in sorted(to_mend, key=lambda item: item[0]):
            self._stack.wait(max(0.0, due - time.monotonic()))
            if part := self._part(fault):
                if fault.action == "kill":
                    part.restart()
                else:
                    part.resume()

    def _hit(self, fault: Fault) -> bool:
        if fault.target == "client connections":
            self._crowd.cut_clients()
        elif fault.target == "database connections":
            self._stack.cut_database_connections()
        elif fault.target == "postgres backend":
            return self._stack.parts["postgres"].kill_a_child(self._dice.randrange)
        elif part := self._part(fault):
            part.kill() if fault.action == "kill" else part.pause()
        return True

    def _part(self, fault: Fault) -> Part | None:
        return self._stack.parts.get(fault.target)
