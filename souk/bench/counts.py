"""Counts that do not depend on the machine: what one flow, alone on a quiet stack, asks of Temporal and Postgres.

Each step is taken, then everything is left to come to rest, then counted: statements, transactions and round
trips on the wire to Postgres, rows in its log of changes, gRPC calls at Temporal's frontend, tasks, events and
bytes in the histories of every process that is there. Several flows are run and the least of each count is kept:
what is repeated by chance (a task that took two things at once, or one) is no cost of the step.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from uuid import UUID

from temporalio.client import Client

from domain.market.processes import negotiation_process, order_process, review_window_process, store_trust_process
from souk.bench import engine
from souk.bench.deals import STEPS, Deal, Shop, register
from souk.bench.engine import HistoryCounts, Metrics
from souk.bench.wal import RowChanges
from souk.bench.wire import Relay, WireCounts
from souk.drills.stack import DrillStack
from souk.stack.embedded import EmbeddedPostgres
from souk.stack.errors import StackError
from workflows.client import connect

Tell = Callable[[str], None]
COUNTS_FILE = Path("docs/benchmarks/counts.json")
WARM_UPS = 1
FLOWS = 2
# Bytes hold process ids, host names and varints of times, whose lengths differ a little from run to run.
TOLERANCE = {"history_bytes": 0.03}
_FOLD_DELAY_SECONDS = 0.1
# Longer than the second after which the server's metrics show what was asked.
_QUIET_SECONDS = 1.3
_PATIENCE_SECONDS = 30.0
SETTINGS = {
    # No sweep and no other clock of ours runs into a step, and a fold does not wait longer than the quiet.
    "SOUK_SWEEP_INTERVAL_SECONDS": "86400",
    "SOUK_OUTAGES__BEAT_SECONDS": "86400",
    "SOUK_OUTAGES__TOLERATED_SECONDS": str(7 * 86400),
    "SOUK_MARKET__TRUST_FOLD_DELAY_SECONDS": str(_FOLD_DELAY_SECONDS),
}
_ROLES = {"api": "souk_api", "worker": "souk_worker"}


@dataclass(slots=True)
class StepCounts:
    """One step's cost. ``postgres_*`` are sums of API and worker; ``by_part`` tells them apart."""

    workflow_tasks: int = 0
    history_events: int = 0
    history_bytes: int = 0
    temporal_calls: int = 0
    statements: int = 0
    transactions: int = 0
    postgres_round_trips: int = 0
    rows_locked: int = 0
    rows_written: int = 0
    by_part: dict[str, dict[str, int]] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    @property
    def figures(self) -> dict[str, int]:
        return {name: value for name, value in asdict(self).items() if isinstance(value, int)}


@dataclass(slots=True)
class FlowCounts:
    steps: dict[str, StepCounts]
    texts: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def total(self) -> dict[str, int]:
        names = next(iter(self.steps.values())).figures
        return {name: sum(step.figures[name] for step in self.steps.values()) for name in names}

    def json(self) -> dict[str, object]:
        steps = {
            name: {**step.figures, "by_part": step.by_part, "temporal_calls_by_name": dict(sorted(step.calls.items()))}
            for name, step in self.steps.items()
        }
        return {"steps": steps, "flow": self.total}


class _Meter:
    """Everything that is counted, read at once."""

    def __init__(self, relay: Relay, rows: RowChanges, metrics: Metrics, client: Client) -> None:
        self._relay = relay
        self._rows = rows
        self._metrics = metrics
        self._client = client
        self._processes: set[str] = set()
        self._histories: dict[str, HistoryCounts] = {}
        self._calls: Counter[str] = Counter()

    async def rest(self) -> None:
        """Until neither Postgres nor Temporal has been asked anything for a while. Raises StackError."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        last: object = None
        since = time.monotonic()
        while time.monotonic() - since < _QUIET_SECONDS:
            await asyncio.sleep(0.1)
            now = (self._relay.seen(), self._metrics.calls())
            if now != last:
                last, since = now, time.monotonic()
            if time.monotonic() > deadline:
                raise StackError("the stack does not come to rest: something runs by itself")

    async def begin(self, store_id: str) -> None:
        """A new flow, in a shop of its own."""
        await self.rest()
        self._processes = {store_trust_process(UUID(store_id))}
        self._histories = await engine.histories(self._client, sorted(self._processes))
        self._start_again()

    def _start_again(self) -> None:
        self._relay.take()
        self._rows.take()
        self._calls = self._metrics.calls()

    async def read(self, processes: set[str]) -> tuple[StepCounts, Counter[str]]:
        """What happened since the last reading. ``processes``: those that exist from now on."""
        await self.rest()
        calls = self._metrics.calls() - self._calls
        wire, texts = self._relay.take()
        locked, written = self._rows.take()
        self._processes |= processes
        histories = await engine.histories(self._client, sorted(self._processes))
        moved = [found.minus(self._histories.get(key, HistoryCounts())) for key, found in histories.items()]
        self._histories = histories
        parts = {part: wire.get(user, WireCounts()) for part, user in _ROLES.items()}
        whole = WireCounts()
        for counts in parts.values():
            whole.add(counts)
        step = StepCounts(
            workflow_tasks=sum(found.tasks for found in moved),
            history_events=sum(found.events for found in moved),
            history_bytes=sum(found.bytes for found in moved),
            temporal_calls=calls.total(),
            statements=whole.statements,
            transactions=whole.transactions,
            postgres_round_trips=whole.round_trips,
            rows_locked=locked,
            rows_written=written,
            by_part={part: asdict(counts) for part, counts in parts.items()},
            calls=dict(calls),
        )
        self._start_again()
        return step, texts


async def _one_flow(api: str, meter: _Meter | None) -> FlowCounts:
    shop = await Shop.open(api)
    deal = Deal(shop, await register(api, "CUSTOMER"))
    # Agents are noted as active at their first call within a minute: not a cost of the question.
    for agent in (deal.buyer, shop.owner):
        await agent.get("/v1/agents/me")
    found = FlowCounts({})
    if meter is not None:
        await meter.begin(shop.store_id)
    for name in STEPS:
        await deal.step(name)
        if meter is not None:
            found.steps[name], found.texts[name] = await meter.read(_processes(deal))
    for agent in (deal.buyer, shop.owner):
        agent.close()
    return found


def _processes(deal: Deal) -> set[str]:
    found = set()
    if "offer" in deal.made:
        found.add(negotiation_process(UUID(deal.made["offer"]["negotiation_id"])))
    if "buy" in deal.made:
        found.add(order_process(UUID(deal.made["buy"]["order_id"])))
    if "deliver" in deal.made:
        found.add(review_window_process(UUID(deal.made["buy"]["order_id"])))
    return found


async def _count(stack: DrillStack, relay: Relay, tell: Tell) -> FlowCounts:
    settings = stack.settings
    client = await connect(
        settings.temporal_address, settings.temporal_namespace, settings.payload_keys.get_secret_value()
    )
    pid = stack.parts["temporal"].child.pid
    assert pid is not None
    flows = []
    port = int(settings.temporal_address.rpartition(":")[2])
    with (
        Metrics(pid, port, settings.temporal_namespace) as metrics,
        RowChanges(settings.database_url) as rows,
    ):
        meter = _Meter(relay, rows, metrics, client)
        for number in range(WARM_UPS):
            tell(f"warming up {number + 1}/{WARM_UPS}")
            await _one_flow(stack.api, None)
        for number in range(FLOWS):
            tell(f"counting flow {number + 1}/{FLOWS}")
            flows.append(await _one_flow(stack.api, meter))
    return _least(flows)


def _least(flows: list[FlowCounts]) -> FlowCounts:
    least = FlowCounts({}, flows[0].texts)
    for name in STEPS:
        steps = [flow.steps[name] for flow in flows]
        figures = {key: min(step.figures[key] for step in steps) for key in steps[0].figures}
        parts = {
            part: {key: min(step.by_part[part][key] for step in steps) for key in steps[0].by_part[part]}
            for part in _ROLES
        }
        calls = {key: min(step.calls.get(key, 0) for step in steps) for key in steps[0].calls}
        least.steps[name] = StepCounts(**figures, by_part=parts, calls=calls)
    return least


def count_flow(data_dir: Path, tell: Tell) -> FlowCounts:
    """Run flows on a stack of their own in ``data_dir`` and count. From the main thread. Raises StackError."""
    tell("starting a stack")
    socket = EmbeddedPostgres(data_dir).socket_dir / ".s.PGSQL.5432"
    with Relay(socket) as relay:
        urls = {f"SOUK_{part.upper()}_DATABASE_URL": relay.url(user) for part, user in _ROLES.items()}
        with DrillStack(data_dir, {**SETTINGS, **urls}) as stack:
            return asyncio.run(_count(stack, relay, tell))


def compare(kept: dict[str, object], found: FlowCounts) -> list[str]:
    """Every count that has grown over the kept one, in words; none when nothing has."""
    grown = []
    steps = kept["steps"]
    assert isinstance(steps, dict)
    for name, step in found.steps.items():
        for key, value in step.figures.items():
            before = steps[name][key]
            if value > before * (1 + TOLERANCE.get(key, 0.0)):
                grown.append(f"{name}: {key} grew from {before} to {value}")
    return grown


def read_counts(path: Path) -> dict[str, object]:
    kept: dict[str, object] = json.loads(path.read_text())
    return kept


def write_counts(path: Path, found: FlowCounts) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found.json(), indent=2) + "\n")
