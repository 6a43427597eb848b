"""``souk drill crash``: a market under load whose parts are killed, paused and cut off, and still adds up.

The main thread is the operator: it strikes and restarts. A second thread is the market's agents, who know
nothing but the public API and retry with the same key. At the end all parts run, everything is let settle,
and the books are compared.
"""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from config.specs import workflow_specs
from db.platform.database import Database
from souk.drills.crowd import Crowd
from souk.drills.faults import Striker, schedule
from souk.drills.ledger import ACKNOWLEDGED, REFUSED, UNKNOWN, Ledger
from souk.drills.stack import DrillStack
from souk.drills.verdict import Verdict, judge, recovery_seconds, replay, unwell
from workflows.client import connect

Tell = Callable[[str], None]
SETTLE_SECONDS = 180.0
_WARM_UP_SECONDS = 6.0
_STARVED_SECONDS = 15.0
_REVIVAL_SECONDS = 120.0
_PROCESS_COMMANDS = frozenset(
    {
        "offer", "counter", "accept", "reject", "withdraw", "order", "deliver", "decline", "cancel", "refund_request",
        "refund_granted", "refund_declined", "appeal", "appeal_granted", "appeal_declined", "review",
    }
)  # fmt: skip

# Dates of seconds, so that timers fire while things break; request rates that do not get in the way.
POLICY = {
    "SOUK_MARKET__OFFER_EXPIRY_SECONDS": "15",
    "SOUK_MARKET__PURCHASE_WINDOW_SECONDS": "12",
    "SOUK_MARKET__PROMISED_DELIVERY_SECONDS": "12",
    "SOUK_MARKET__RETURN_WINDOW_SECONDS": "20",
    "SOUK_MARKET__REFUND_ANSWER_SECONDS": "10",
    "SOUK_MARKET__PAYMENT_WINDOW_SECONDS": "9",
    "SOUK_MARKET__APPEAL_WINDOW_SECONDS": "10",
    "SOUK_MARKET__APPEAL_ANSWER_SECONDS": "10",
    "SOUK_MARKET__REVIEW_WINDOW_SECONDS": "25",
    "SOUK_MARKET__REPLY_DEADLINE_SECONDS": "20",
    "SOUK_SWEEP_INTERVAL_SECONDS": "5",
    "SOUK_LIMITS__PER_ADDRESS": "1000000/minute",
    "SOUK_LIMITS__PER_AGENT": "1000000/minute",
    "SOUK_LIMITS__REGISTRATIONS_PER_ADDRESS": "1000000/hour",
    "SOUK_LIMITS__MESSAGES_PER_AGENT": "1000000/minute",
    "SOUK_LIMITS__OFFERS_PER_AGENT": "1000000/minute",
}


@dataclass(slots=True)
class CrashReport:
    """The table. Seconds where the name says so."""

    seed: int
    minutes: float
    blows: dict[str, int]
    ended_by_themselves: int
    operations: int
    acknowledged: int
    refused: int
    retried: int
    retries: int
    unresolved: int
    asked_again: int
    lost: int
    doubled: int
    breaches: list[str]
    recoveries: int
    recovery_p50_seconds: float
    recovery_p99_seconds: float
    settled_in_seconds: float
    by_kind: dict[str, int] = field(default_factory=dict)

    @property
    def kills(self) -> int:
        return sum(count for kind, count in self.blows.items() if kind.startswith("kill"))

    def json(self) -> dict[str, Any]:
        return {**asdict(self), "kills": self.kills}


class _Background:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="crowd", daemon=True)
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, what: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(what)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


class _LoopedCrowd(Crowd):
    """A crowd whose connections are cut from the operator's thread."""

    background: _Background

    def cut_clients(self) -> None:
        self.background.call(super().cut_clients)


@dataclass(frozen=True, slots=True)
class Extent:
    """How long a drill strikes: ``minutes``, and on a slow machine until it has had so many kills and writes."""

    minutes: float
    kills: int = 0
    writes: int = 0


class _Pulse:
    """Whether the market still trades. On a slow machine it would never get up again between two blows."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._seen, self._at = 0, time.monotonic()

    def beats(self) -> bool:
        now, seen = time.monotonic(), len(self._ledger.acknowledged())
        if seen > self._seen:
            self._seen, self._at = seen, now
        return now - self._at < _STARVED_SECONDS or now - self._at > _STARVED_SECONDS + _REVIVAL_SECONDS


def run_crash_drill(
    data_dir: Path, *, extent: Extent, seed: int, quiet_seconds: float, merchants: int, customers: int, tell: Tell
) -> CrashReport:
    """Strike, settle, judge. Raises StackError when the stack does not come up at all."""
    ledger = Ledger()
    tell("starting Postgres, Temporal, worker and API")
    with DrillStack(data_dir, POLICY) as stack:
        background = _Background()
        try:
            crowd = _LoopedCrowd(
                stack.api,
                ledger,
                seed,
                merchants=merchants,
                customers=customers,
                operator_key=stack.make_operator_key(),
            )
            crowd.background = background
            running = background.start(crowd.run())
            striker = Striker(stack, crowd, seed)
            stack.wait(_WARM_UP_SECONDS)
            end, pulse = time.monotonic() + extent.minutes * 60, _Pulse(ledger)
            for blow in schedule(seed, quiet_seconds):
                enough = striker.kills >= extent.kills and len(ledger.acknowledged()) >= extent.writes
                if enough and time.monotonic() + blow.after > end:
                    break
                tell(_progress(ledger, striker, end))
                stack.wait(blow.after)
                while not pulse.beats():
                    stack.wait(0.5)
                striker.strike(blow)
            tell("settling: everything runs again")
            stack.wait_ready()
            background.call(crowd.stop)
            while not running.done():
                stack.wait(0.2)
            running.result()
            judged = background.start(_settle_and_judge(stack, ledger, tell))
            while not judged.done():
                stack.wait(0.2)
            return _conclude(stack, ledger, striker, extent.minutes, seed, judged.result())
        finally:
            background.stop()


def _progress(ledger: Ledger, striker: Striker, end: float) -> str:
    acknowledged = len(ledger.acknowledged())
    return (
        f"{len(striker.struck)} blows, {acknowledged} writes acknowledged, {max(0, end - time.monotonic()):.0f} s left"
    )


def _conclude(
    stack: DrillStack,
    ledger: Ledger,
    striker: Striker,
    minutes: float,
    seed: int,
    judged: tuple[Verdict, int, float],
) -> CrashReport:
    verdict, asked_again, settled = judged
    moments = [blow.at for blow in striker.struck]
    times = sorted(recovery_seconds(ledger, moments, _PROCESS_COMMANDS))
    states = Counter(entry.state for entry in ledger.entries)
    return CrashReport(
        seed=seed,
        minutes=minutes,
        blows=dict(sorted(Counter(blow.fault.kind for blow in striker.struck).items())),
        ended_by_themselves=sum(part.ended_by_itself for part in stack.parts.values()),
        operations=len(ledger.entries),
        acknowledged=states[ACKNOWLEDGED],
        refused=states[REFUSED],
        retried=sum(1 for entry in ledger.entries if entry.retries),
        retries=sum(entry.retries for entry in ledger.entries),
        unresolved=states[UNKNOWN],
        asked_again=asked_again,
        lost=len(verdict.lost),
        doubled=len(verdict.doubled),
        breaches=verdict.all(),
        recoveries=len(times),
        recovery_p50_seconds=_share(times, 0.5),
        recovery_p99_seconds=_share(times, 0.99),
        settled_in_seconds=round(settled, 1),
        by_kind=dict(sorted(Counter(e.kind for e in ledger.acknowledged()).items())),
    )


def _share(times: list[float], share: float) -> float:
    return round(times[min(len(times) - 1, int(share * len(times)))], 2) if times else float("nan")


async def _settle_and_judge(stack: DrillStack, ledger: Ledger, tell: Tell) -> tuple[Verdict, int, float]:
    settings = stack.settings
    client = await connect(
        settings.temporal_address, settings.temporal_namespace, settings.payload_keys.get_secret_value()
    )
    database, specs = Database(settings.role_url("worker"), 4, "souk-drill"), workflow_specs(settings)
    try:
        started = time.monotonic()
        for entry in [entry for entry in ledger.entries if entry.state == UNKNOWN]:
            await entry.who.settle(entry)
        left = ["not looked yet"]
        while left and time.monotonic() - started < SETTLE_SECONDS:
            left = await unwell(database, client, specs)
            if left:
                tell(f"settling: {len(left)} to go, {left[0]}")
                await asyncio.sleep(1)
        settled = time.monotonic() - started
        tell("comparing the books")
        verdict = await judge(database, settings.role_url("worker"), client, ledger, specs)
        verdict.stuck = left
        tell("asking everything again with the same keys")
        asked = await replay(ledger, verdict)
        # A repetition must not have done anything either.
        verdict_after = await judge(database, settings.role_url("worker"), client, ledger, specs)
        verdict.doubled += [breach for breach in verdict_after.all() if breach not in verdict.all()]
        return verdict, asked, settled
    finally:
        with contextlib.suppress(OSError):
            await database.close()
