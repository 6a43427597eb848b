"""Who was it? Guesses at the actor of anonymous events from all that is public, and whether they beat chance.

An attacker knows some candidates and has polled every public document. Each scalar that stands in one object with a
candidate's id, or in a document about it, is a trace of that candidate: a time, the time inside an id, a place in a
feed, a number. For each kind of trace and of anonymous event it guesses, by the ways of ``_WAYS``. The actor was drawn
by lot and nothing public depends on it, or some way of guessing hits more or less often than by chance; how unlikely
that is by chance alone is computed exactly.
"""

import base64
import binascii
import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random  # noqa: TID251 - seeded: guesses, not a rule
from typing import Any
from uuid import UUID

ALARM = 1e-6
"""The probability that any of the guesses of a drill without a leak is reported."""

Poll = Mapping[str, Any]
"""Documents by address, as they were at one moment."""
Trace = tuple[str, float]
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
TIME, PLACE, NUMBER, TEXT = "time", "place", "number", "text"


@dataclass(frozen=True, slots=True)
class Event:
    """An anonymous public event: which, since which poll it is seen, when it was (seconds), where in the feed."""

    kind: str
    poll: int
    time: float
    place: float


@dataclass(frozen=True, slots=True)
class Trial:
    """``actor`` is which candidate it was; read only to count hits. ``named``: a purchase told its buyer."""

    candidates: Sequence[str]
    actor: int
    polls: Sequence[Poll]
    events: Sequence[Event]
    named: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """How often one way of guessing was right."""

    way: str
    hits: int
    tries: int
    chance: float

    def __str__(self) -> str:
        return f"{self.way} guessed right {self.hits} of {self.tries} times (chance {self.chance:.1e})"


def _value(value: object) -> tuple[str, float] | None:
    """What a scalar says, as a number of its kind."""
    if isinstance(value, bool) or value is None:
        return NUMBER, float(value or 0)
    if isinstance(value, int | float):
        return NUMBER, float(value)
    if not isinstance(value, str):
        return None
    if _TIME.match(value):
        return TIME, datetime.fromisoformat(value).timestamp()
    if _ID.fullmatch(value) and UUID(value).version == 7:
        return TIME, (UUID(value).int >> 80) / 1000
    place = place_of(value)
    return (TEXT, float(binascii.crc32(value.encode()))) if place is None else (PLACE, place)


def place_of(cursor: str) -> float | None:
    """The transaction in a feed's cursor, or None when it is none."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        return None
    return float(parts[0]) if isinstance(parts, list) and parts and isinstance(parts[0], int) else None


def traces(poll: Poll, candidates: Sequence[str]) -> dict[str, dict[str, list[Trace]]]:
    """By field, by candidate: what the documents hold beside its id."""
    found: dict[str, dict[str, list[Trace]]] = defaultdict(lambda: defaultdict(list))
    known = frozenset(candidates)
    for address, document in poll.items():
        about = frozenset(_ID.findall(address)) & known
        _gather(document, _ID.sub("*", address), about, known, found)
    return found


def _gather(
    node: Any, path: str, about: frozenset[str], known: frozenset[str], found: dict[str, dict[str, list[Trace]]]
) -> frozenset[str]:
    """Note what stands in a node. Returns the candidates it is about."""
    if isinstance(node, list):
        for item in node:
            _gather(item, f"{path}[]", about, known, found)
            _note(item, f"{path}[]", about, known, found)
        return frozenset()
    if isinstance(node, str) and path.startswith("page "):
        for who in known:
            found[f"{path} mentions"][who].append((NUMBER, float(node.count(who))))
        return frozenset()
    if not isinstance(node, dict):
        return frozenset()
    about |= known.intersection(value for value in node.values() if isinstance(value, str))
    for name, value in node.items():
        about |= _gather(value, f"{path}.{name}", about, known, found)
    for name, value in node.items():
        _note(value, f"{path}.{name}", about, known, found)
    return about


def _note(
    value: Any, path: str, about: frozenset[str], known: frozenset[str], found: dict[str, dict[str, list[Trace]]]
) -> None:
    said = _value(value)
    # Of an id of its own only the time in it is more than its name.
    if said is not None and (value not in known or said[0] == TIME):
        for who in about:
            found[path][who].append(said)


@dataclass(frozen=True, slots=True)
class _View:
    """What one way of guessing sees: one field's traces before and after the event, and in the end."""

    event: Event
    candidates: Sequence[str]
    before: Mapping[str, list[Trace]]
    after: Mapping[str, list[Trace]]
    last: Mapping[str, list[Trace]]

    def scored(self, score: Callable[[list[Trace]], float | None]) -> dict[str, float]:
        scores = {who: score(self.last.get(who, [])) for who in self.candidates}
        return {who: value for who, value in scores.items() if value is not None}


def _apart(view: _View, seen: list[Trace]) -> list[float]:
    """How long after the event each time was, how far behind it each place."""
    return [v - (view.event.time if kind == TIME else view.event.place) for kind, v in seen if kind in {TIME, PLACE}]


def _nearest(view: _View) -> list[str]:
    """Whose time, or place in the feed, is nearest to the event's."""
    return _smallest(view.scored(lambda seen: min(map(abs, _apart(view, seen)), default=None)))


def _right_before(view: _View) -> list[str]:
    """Whose was the last before the event."""
    return _smallest(view.scored(lambda seen: min((-v for v in _apart(view, seen) if v <= 0), default=None)))


def _right_after(view: _View) -> list[str]:
    """Whose was the first after it."""
    return _smallest(view.scored(lambda seen: min((v for v in _apart(view, seen) if v >= 0), default=None)))


def _changed(view: _View) -> list[str]:
    """Whose trace moved when the event came."""
    return [who for who in view.candidates if Counter(view.before.get(who, [])) != Counter(view.after.get(who, []))]


def _most(view: _View) -> list[str]:
    """Whose number, time or place is highest."""
    return _smallest(view.scored(lambda seen: min((-v for _, v in seen), default=None)))


def _least(view: _View) -> list[str]:
    """Whose is lowest."""
    return _smallest(view.scored(lambda seen: min((v for _, v in seen), default=None)))


def _oftenest(view: _View) -> list[str]:
    """Who has the most traces."""
    return _smallest(view.scored(lambda seen: -len(seen)))


def _fewest(view: _View) -> list[str]:
    """Who has the fewest traces."""
    return _smallest(view.scored(len))


def _smallest(scores: Mapping[str, float]) -> list[str]:
    least = min(scores.values(), default=0.0)
    return [who for who, value in scores.items() if value == least]


_WAYS: Mapping[str, Callable[[_View], list[str]]] = {
    "nearest": _nearest,
    "right before": _right_before,
    "right after": _right_after,
    "changed": _changed,
    "most": _most,
    "least": _least,
    "oftenest": _oftenest,
    "fewest": _fewest,
}


def guesses(trial: Trial, dice: Random) -> Iterator[tuple[str, bool]]:
    """Each way's guess in one trial, by name, and whether it is right. Among equals it takes one by lot."""
    polls = [traces(poll, trial.candidates) for poll in trial.polls]
    fields = sorted({field for poll in polls for field in poll})
    for event in trial.events:
        for field in fields:
            seen = [poll.get(field, {}) for poll in polls]
            view = _View(event, trial.candidates, seen[event.poll - 1], seen[event.poll], seen[-1])
            for name, way in _WAYS.items():
                suspects = way(view)
                if 0 < len(suspects) < len(trial.candidates):
                    guess = dice.choice(suspects)
                    yield f"{event.kind}: {name} {field}", guess == trial.candidates[trial.actor]


def chance_of(hits: int, tries: int, share: float) -> float:
    """The exact probability of so many hits or more, or of so few or fewer, doubled: by chance alone."""
    weights = [math.comb(tries, k) * share**k * (1 - share) ** (tries - k) for k in range(tries + 1)]
    return min(1.0, 2 * min(math.fsum(weights[hits:]), math.fsum(weights[: hits + 1])))


def tally(trials: Sequence[Trial], seed: int) -> list[Tally]:
    """All ways of guessing over all trials, the least likely by chance first."""
    dice = Random(seed)  # noqa: S311 - guesses, not a secret
    tries, hits = Counter[str](), Counter[str]()
    for trial in trials:
        for way, right in guesses(trial, dice):
            tries[way] += 1
            hits[way] += right
    share = 1 / len(trials[0].candidates) if trials else 1.0
    found = [Tally(way, hits[way], count, chance_of(hits[way], count, share)) for way, count in tries.items()]
    return sorted(found, key=lambda one: (one.chance, one.way))


def links(tallies: Sequence[Tally]) -> list[Tally]:
    """Those that chance does not explain, of so many ways that were tried."""
    return [one for one in tallies if one.chance * len(tallies) < ALARM]
