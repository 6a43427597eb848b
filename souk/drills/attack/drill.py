"""Runs the probes of ``table`` against a Souk of their own."""

import secrets
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from souk.drills.attack.findings import Findings, Probe, Target
from souk.drills.attack.table import NAMES, PROBES
from souk.drills.stack import DrillStack
from souk.stack.errors import StackError
from souk_client import SoukError

Tell = Callable[[str], None]
SETTINGS = {
    # Dates that a drill can wait for, and long enough for who keeps them.
    "SOUK_MARKET__PAYMENT_WINDOW_SECONDS": "10",
    "SOUK_MARKET__PAYMENT_REMINDER_SHARE": "0.1",
    "SOUK_MARKET__PURCHASE_WINDOW_SECONDS": "5",
    "SOUK_MARKET__AUTO_ANSWER_MIN_SECONDS": "0.05",
    "SOUK_MARKET__AUTO_ANSWER_MAX_SECONDS": "0.1",
    "SOUK_MARKET__AUTO_ANSWER_MERCHANT_MARGIN": "0",
    "SOUK_MARKET__AUTO_ANSWER_PAIR_MARGIN": "0",
    "SOUK_UPDATE_TIMEOUT_SECONDS": "60",
    "SOUK_IDEMPOTENCY_LEASE_SECONDS": "70",
    # One machine asks for all attackers: request rates are another matter.
    "SOUK_LIMITS__PER_ADDRESS": "1000000/minute",
    "SOUK_LIMITS__PER_AGENT": "1000000/minute",
    "SOUK_LIMITS__PER_PLATFORM": "1000000/minute",
    "SOUK_LIMITS__REGISTRATIONS_PER_ADDRESS": "1000000/hour",
    "SOUK_LIMITS__MESSAGES_PER_AGENT": "1000000/minute",
    "SOUK_LIMITS__OFFERS_PER_AGENT": "1000000/minute",
    # Shopping by the commerce protocol then takes a platform's word for who it is: none has to be reached.
    "SOUK_SIMULATION__ENABLED": "true",
    "SOUK_SIMULATION__SECRET": secrets.token_hex(16),
}
_AT_ONCE = 4


@dataclass(slots=True)
class AttackReport:
    """What each probe found, by its name."""

    seconds: float = 0.0
    probes: dict[str, Findings] = field(default_factory=dict)
    breaches: list[str] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        return asdict(self)


def run_attack_drill(data_dir: Path, tell: Tell, *, only: Collection[str] = (), short: bool = False) -> AttackReport:
    """``only``: names of probes, all when there is none. Raises StackError when the stack does not come up."""
    if unknown := set(only) - set(NAMES):
        raise StackError(f"there is no probe {', '.join(sorted(unknown))}: {', '.join(NAMES)}")
    wanted = [probe for probe in PROBES if not only or probe.name in only]
    began, report = time.monotonic(), AttackReport()
    tell("starting Postgres, Temporal, worker and API")
    with DrillStack(data_dir, SETTINGS) as stack:
        target = Target(stack, short=short)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            running = {pool.submit(_try, probe, target): probe for probe in wanted if not probe.alone}
            _await(stack, running, report, tell)
        for probe in wanted:
            if probe.alone:
                _keep(report, probe, _try(probe, target), tell)
        ends = {name: part.ended_by_itself for name, part in stack.parts.items()}
    report.probes = {probe.name: report.probes[probe.name] for probe in wanted}
    report.breaches = [f"{name}: {what}" for name, found in report.probes.items() for what in found.broke]
    report.breaches += [f"{name} ended by itself" for name, count in ends.items() if count]
    report.seconds = round(time.monotonic() - began, 1)
    return report


def _await(stack: DrillStack, running: dict[Future[Findings], Probe], report: AttackReport, tell: Tell) -> None:
    """Until all are done, with the stack tended meanwhile: an attack may end a part of it."""
    while running:
        stack.wait(0.2)
        for future in [future for future in running if future.done()]:
            _keep(report, running.pop(future), future.result(), tell)


def _try(probe: Probe, target: Target) -> Findings:
    """A probe that cannot be carried out to its end has found something, too."""
    found, began = Findings(), time.monotonic()
    try:
        probe.run(target, found)
    except (SoukError, httpx.HTTPError, AssertionError, LookupError, ValueError) as error:
        found.broke.append(f"could not go on: {type(error).__name__} {str(error)[:300]}")
    found.seconds = round(time.monotonic() - began, 1)
    return found


def _keep(report: AttackReport, probe: Probe, found: Findings, tell: Tell) -> None:
    report.probes[probe.name] = found
    tell(f"{probe.name}: {probe.attack}: {'BROKE: ' + found.broke[0] if found.broke else f'held ({len(found.held)})'}")
