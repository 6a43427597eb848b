"""The floor of every process command: bare workflows with no-op local activities, and nothing around them.

``python -m souk.bench.bare ADDRESS NAMESPACE`` runs their worker, a process of its own as Souk's worker is.
No encryption, no search attributes, no HTTP and no database: only what the engine itself costs.
"""

import asyncio
import signal
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import GrpcCompression
from temporalio.worker import Worker

QUEUE = "souk-bench-floor"
_ATTEMPT = timedelta(seconds=10)
_RPC = timedelta(seconds=30)


@activity.defn(name="nothing")
async def nothing(what: str) -> str:
    return what


@workflow.defn(name="Bare")
class Bare:
    """Takes ``updates`` updates and ends; each runs one local activity that does nothing."""

    @workflow.init
    def __init__(self, updates: int) -> None:
        self._left = updates

    @workflow.run
    async def run(self, updates: int) -> None:
        await workflow.wait_condition(lambda: self._left <= 0)
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.update(name="do")
    async def do(self, what: str) -> str:
        done = await workflow.execute_local_activity(nothing, what, start_to_close_timeout=_ATTEMPT)
        self._left -= 1
        return done


async def bare_client(address: str, namespace: str) -> Client:
    return await Client.connect(address, namespace=namespace, grpc_compression=GrpcCompression.NONE)


async def start_and_update(client: Client, process_id: str, updates: int) -> None:
    """One update-with-start, as a first offer or an order is."""
    operation: WithStartWorkflowOperation[Bare, None] = WithStartWorkflowOperation(
        Bare.run,
        updates,
        id=process_id,
        task_queue=QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
    )
    await client.execute_update_with_start_workflow(
        "do", process_id, start_workflow_operation=operation, result_type=str, rpc_timeout=_RPC
    )


async def update(client: Client, process_id: str) -> None:
    """One update on a running process, as an accept or a delivery is."""
    await client.get_workflow_handle(process_id).execute_update("do", process_id, result_type=str, rpc_timeout=_RPC)


async def bare_flow(client: Client, name: str) -> None:
    """As many starts and updates as one flow has: an offer and its accept, an order and its delivery, a review."""
    await start_and_update(client, f"{name}/negotiation", 2)
    await update(client, f"{name}/negotiation")
    await start_and_update(client, f"{name}/order", 2)
    await update(client, f"{name}/order")
    await start_and_update(client, f"{name}/review", 1)


async def _serve(address: str, namespace: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    client = await bare_client(address, namespace)
    async with Worker(
        client,
        task_queue=QUEUE,
        workflows=[Bare],
        activities=[nothing],
        # As Souk's own worker has it: with the default, one poller makes every start wait its turn.
        nonsticky_to_sticky_poll_ratio=0.5,
    ):
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:3]))
