"""Bench ``start``: ``souk up`` from nothing, and from a data directory that has been traded in."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from souk.bench.flow import Traders, rate, settle
from souk.bench.harness import Bench
from souk.bench.results import Result
from souk.checks.audit import audit_database
from souk.checks.target import database_target
from souk.stack.child import Child
from souk.stack.errors import StackError
from souk.stack.inherit import inherited

SECONDS = 8.0
FLOWS, QUICK_FLOWS = 128, 16
_PATIENCE_SECONDS = 120.0


@contextmanager
def souk_up(data_dir: Path, log: Path) -> Iterator[tuple[Child, str, float]]:
    """A running ``souk up``: its process, its API, and the seconds it took until it said it was open."""
    child = Child("souk-up", log=log, note=log.with_suffix(".json"), stop_signal=signal.SIGTERM, stop_seconds=90)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "souk", "up", "--json", "--data-dir", str(data_dir)]
    ports = [part for name in ("api", "temporal", "ui") for part in (f"--{name}-port", "0")]
    started = time.monotonic()
    # As after `make install`: a second start finds the first one's compiled modules.
    child.spawn([*argv, *ports], env=inherited({}, drop=("SOUK_", "PYTHONDONTWRITEBYTECODE")))
    try:
        api = _wait_open(child, log, started)
        yield child, api, time.monotonic() - started
    finally:
        child.stop()


def _wait_open(child: Child, log: Path, started: float) -> str:
    while time.monotonic() - started < _PATIENCE_SECONDS:
        for line in log.read_text().splitlines():
            if line.startswith("{") and line.endswith("}"):
                return str(json.loads(line)["api"])
        if child.poll() is not None:
            raise StackError(f"souk up ended ({child.last_words()})")
        time.sleep(0.01)
    raise StackError(f"souk up is not open after {_PATIENCE_SECONDS:.0f} s")


def resident(pid: int) -> dict[str, float]:
    """MiB that each part holds, shared pages by their share; ``total`` is what the stack takes from the machine."""
    found: dict[str, float] = {}
    process = psutil.Process(pid)
    for one in (process, *process.children(recursive=True)):
        try:
            info, words = one.memory_full_info(), one.cmdline()
        except psutil.NoSuchProcess:
            continue
        name = _part(words)
        held = getattr(info, "pss", info.rss) / 2**20
        found[name] = found.get(name, 0.0) + held
    return {**found, "total": sum(found.values())}


def _part(words: list[str]) -> str:
    line = " ".join(words)
    for name in ("api", "worker", "up"):
        if f"-m souk {name}" in line:
            return {"up": "supervisor"}.get(name, name)
    return "temporal" if "start-dev" in line else "postgres"


def run_start(bench: Bench) -> Result:
    """From the main thread. Raises StackError when a stack does not come up."""
    result = bench.result(
        "start",
        "souk up",
        "`souk up` from cold and from a filled data directory",
        "none",
        f"≤ {SECONDS:g} s, and total resident memory reported",
    )
    bench.data_dir.mkdir(parents=True, exist_ok=True)
    os.chmod(bench.data_dir, 0o711)  # noqa: PTH101, S103 - the embedded Postgres runs under another account
    filled = bench.data_dir / "filled"
    flows = QUICK_FLOWS if bench.quick else FLOWS
    bench.tell("filling a data directory")
    with souk_up(filled, bench.data_dir / "fill.log") as (_, api, _):
        asyncio.run(_fill(api, flows))
    result.facts["filled"] = f"{flows} whole deals, with their processes"
    started = time.monotonic()
    try:
        for number in range(bench.rounds):
            bench.tell(f"round {number + 1}/{bench.rounds}")
            for name, folder in (("cold", bench.data_dir / f"cold{number}"), ("filled", filled)):
                with souk_up(folder, bench.data_dir / f"{name}{number}.log") as (child, _, seconds):
                    result.figure(f"{name}, until open", "s", SECONDS).values.append(seconds)
                    assert child.pid is not None
                    for part, held in resident(child.pid).items():
                        result.figure(f"{name}, memory of {part}", "MiB").values.append(held)
            result.rounds = number + 1
    except KeyboardInterrupt:
        result.interrupted = True
    result.seconds = round(time.monotonic() - started, 1)
    bench.tell("auditing")
    with souk_up(filled, bench.data_dir / "audit.log"):
        for found in asyncio.run(audit_database(database_target(None, filled))):
            result.audit[f"invariant {found.invariant}"] = found.breaches
            result.breaches += [f"invariant {found.invariant}: {example}" for example in found.examples]
    return result


async def _fill(api: str, flows: int) -> None:
    traders = await Traders.open(api)
    await rate(flows, traders.flow)
    traders.close()
    await settle()
