"""Bench ``workers``: whole deals with two worker processes against one, where the worker is the bottleneck.

The worker has few connections to a database that is some way off, so it waits most of the time, and a second one waits
beside it. Where all parts share two cores a load that is bound by the worker's processor is bound by everybody's.
"""

import asyncio
import time

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from domain.market.processes import MARKET_QUEUE
from souk.bench.distance import distance
from souk.bench.flow import Traders, rate, settle
from souk.bench.harness import LIFTED, Bench, Market
from souk.bench.results import Result
from souk.drills.stack import DrillStack
from souk.stack.embedded import EmbeddedPostgres
from souk.stack.errors import StackError

DEALS, QUICK_DEALS = 16, 16
CONNECTIONS = 2
ONE_WAY_MS = 10.0
GOAL = 1.3
_SECOND = "worker-2"
_READY_SECONDS = 90
_PATIENT = {**LIFTED, "SOUK_UPDATE_TIMEOUT_SECONDS": "120", "SOUK_IDEMPOTENCY_LEASE_SECONDS": "130"}


def run_workers(bench: Bench) -> Result:
    """From the main thread. Raises StackError when the stack does not come up."""
    result = bench.result(
        "workers",
        "Two workers",
        f"two worker processes, {CONNECTIONS} connections each to a database {2 * ONE_WAY_MS:g} ms away and back",
        "one of them",
        f"≥ {GOAL} of one worker's rate",
    )
    postgres = EmbeddedPostgres(bench.data_dir)
    with distance(postgres.socket_dir / ".s.PGSQL.5432", ONE_WAY_MS) as port:
        far = {
            "SOUK_WORKER_DATABASE_URL": f"postgresql://souk_worker@127.0.0.1:{port}/souk",
            "SOUK_WORKER_POOL_SIZE": str(CONNECTIONS),
        }
        bench.tell("starting a stack")
        with DrillStack(bench.data_dir, _PATIENT | far) as stack:
            asyncio.run(_measure(bench, stack, result))
    return result


async def _measure(bench: Bench, stack: DrillStack, result: Result) -> None:
    deals = QUICK_DEALS if bench.quick else DEALS
    async with Market(stack) as market:
        bench.tell("warming up")
        traders = await Traders.open(market.api)
        await rate(deals, traders.flow)

        async def one_round(_: int) -> None:
            alone = await rate(deals, traders.flow)
            second = stack.add_worker(_SECOND)
            assert second.child.pid is not None
            await _polls(market, second.child.pid)
            both = await rate(deals, traders.flow)
            second.stop()
            del stack.parts[_SECOND]
            row = result.compare("whole deals, 16 at a time", "1/s", at_least=GOAL)
            row.subject.append(both)
            row.floor.append(alone)

        await bench.in_turns(result, one_round)
        traders.close()
        await settle()
        await market.audit(result, bench.tell)


async def _polls(market: Market, pid: int) -> None:
    """Wait until the worker of that process asks for work. Raises StackError when it does not."""
    request = DescribeTaskQueueRequest(
        namespace=market.settings.temporal_namespace,
        task_queue=TaskQueue(name=MARKET_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        found = await market.temporal.workflow_service.describe_task_queue(request)
        if any(poller.identity.startswith(f"{pid}@") for poller in found.pollers):
            return
        await asyncio.sleep(0.2)
    raise StackError("the second worker did not begin to work")
