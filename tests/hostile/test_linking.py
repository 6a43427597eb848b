"""The attack on anonymous events: it finds an actor by any trace there is, and nobody where there is none."""

import base64
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from souk.drills.guessing import Event, Trial, chance_of, links, place_of, tally, traces

T0 = datetime(2026, 1, 5, 10, tzinfo=UTC)
Shown = Callable[[float, bool, Random], dict[str, Any]]
"""What is public of an agent, by when it called last (seconds), and whether it is the one that made the offer."""


def _at(seconds: float) -> str:
    return (T0 + timedelta(seconds=seconds)).isoformat()


def _version_7(seconds: float, dice: Random) -> str:
    milliseconds = int((T0 + timedelta(seconds=seconds)).timestamp() * 1000)
    return str(UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62) | dice.getrandbits(60)))


def _trial(number: int, shown: Shown) -> Trial:
    """Eight candidates, registered in an order drawn by lot; each calls once, one of them to make an offer."""
    dice = Random(number)
    start, actor = number * 100.0, dice.randrange(8)
    candidates = [_version_7(start + dice.random(), dice) for _ in range(8)]
    calls = [start + 10 + dice.random() for _ in candidates]
    made = calls[actor] + 0.05
    polls = [
        {
            f"/v1/agents/{who}": {
                "agent_id": who,
                "created_at": _at(start),
                "handle": f"h{dice.random()}",
                **(shown(call, which == actor, dice) if done else {"last_active_at": None, "offers": 0}),
            }
            for which, (who, call) in enumerate(zip(candidates, calls, strict=True))
        }
        for done in (False, True)
    ]
    event = Event("OFFER_MADE", 1, (T0 + timedelta(seconds=made)).timestamp(), made)
    return Trial(candidates, actor, polls, [event])


def _found(shown: Shown, first: int = 0) -> list[str]:
    return [str(link) for link in links(tally([_trial(first + number, shown) for number in range(24)], seed=1))]


@pytest.mark.parametrize(
    ("shown", "field"),
    [
        (lambda call, _, __: {"last_active_at": _at(call)}, "last_active_at"),
        (lambda call, _, dice: {"seen": {"key_id": _version_7(call, dice)}}, "seen.key_id"),
        (lambda _, actor, __: {"offers": int(actor)}, "offers"),
        (lambda _, actor, dice: {"note": f"{dice.random()}" if actor else None}, "note"),
        (lambda _, actor, dice: {"offers": 0 if actor else dice.randrange(1, 9)}, "offers"),
        (lambda _, actor, __: {"badges": ["new", "new"][: 1 + actor]}, "badges[]"),
    ],
)
def test_a_trace_of_the_actor_is_found(shown: Shown, field: str) -> None:
    found = _found(shown)
    assert found
    for link in found:
        assert link.startswith("OFFER_MADE: ")
        assert f"/v1/agents/*.{field} " in link


def test_what_depends_on_nobody_is_not_found() -> None:
    """The day somebody was active, and everything drawn by lot: never in sixty drills."""

    def shown(_: float, __: bool, dice: Random) -> dict[str, Any]:
        return {"last_active_at": _at(0), "offers": dice.randrange(3), "seen_at": _at(dice.random() * 1_000)}

    for drill in range(60):
        assert _found(shown, 1_000 * drill) == []


def test_chance_is_exact() -> None:
    assert chance_of(4, 4, 1 / 4) == pytest.approx(2 / 256)
    assert chance_of(0, 4, 1 / 4) == pytest.approx(2 * (3 / 4) ** 4)
    assert chance_of(3, 4, 1 / 2) == pytest.approx(2 * 5 / 16)
    assert chance_of(2, 4, 1 / 2) == 1.0
    # So small a chance is not seen more often than that.
    by_chance = [math.comb(24, k) * (1 / 8) ** k * (7 / 8) ** (24 - k) for k in range(25)]
    for alpha in (0.1, 0.01, 1e-6):
        assert sum(p for k, p in enumerate(by_chance) if chance_of(k, 24, 1 / 8) < alpha) < alpha


def test_traces_are_those_beside_and_about_a_candidate() -> None:
    one, other = (_version_7(second, Random(second)) for second in (1, 2))
    poll = {
        f"/v1/agents/{one}": {"shown": {"at": _at(5)}, "n": 3},
        "/v1/orders": {"items": [{"buyer": other, "order": {"n": 1}}, {"n": 2}], "next": None},
        "page /": f"<b>{one}</b> {one}",
    }
    found = {field: dict(by) for field, by in traces(poll, [one, other]).items()}
    assert found == {
        "/v1/agents/*.shown.at": {one: [("time", (T0 + timedelta(seconds=5)).timestamp())]},
        "/v1/agents/*.n": {one: [("number", 3.0)]},
        "/v1/orders.items[].order.n": {other: [("number", 1.0)]},
        "/v1/orders.items[].buyer": {other: [("time", (T0 + timedelta(seconds=2)).timestamp())]},
        "page / mentions": {one: [("number", 2.0)], other: [("number", 0.0)]},
    }


def test_a_cursor_is_a_place() -> None:
    assert place_of(base64.urlsafe_b64encode(b"[812,1044]").decode().rstrip("=")) == 812
    assert place_of("ACTIVE") is None
    assert place_of("ana") is None
