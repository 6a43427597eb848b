"""What Temporal was asked and what it keeps: gRPC calls by the server's own metrics, histories by reading them."""

import re
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx
import psutil
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from souk.stack.errors import StackError

_LABEL = re.compile(r'(\w+)="([^"]*)"')
# A poll waits for work and comes back with it: there is one for every task, and more when nothing happens.
# Histories are read here, to be counted. The others are asked once at a start, or now and then by a clock.
LEFT_OUT = frozenset(
    {
        "PollWorkflowTaskQueue",
        "PollActivityTaskQueue",
        "PollNexusTaskQueue",
        "GetWorkflowExecutionHistory",
        "GetSystemInfo",
        "GetClusterInfo",
        "DescribeNamespace",
        "RecordWorkerHeartbeat",
        "ShutdownWorker",
    }
)


class Metrics:
    """The metrics of a dev server, on whichever of its ports serves them. A context manager.

    ``frontend`` is its gRPC port. Raises StackError when no port serves metrics.
    """

    def __init__(self, pid: int, frontend: int, namespace: str) -> None:
        self._namespace = namespace
        self._http = httpx.Client(timeout=10, trust_env=False)
        ports = {
            connection.laddr.port
            for connection in psutil.Process(pid).net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port != frontend
        }
        self._url = next(filter(self._serves, (f"http://127.0.0.1:{port}/metrics" for port in sorted(ports))), "")
        if not self._url:
            raise StackError("Temporal serves no metrics: its calls cannot be counted")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def _serves(self, url: str) -> bool:
        try:
            return "service_requests" in self._http.get(url).text
        except httpx.HTTPError:
            return False

    def calls(self) -> Counter[str]:
        """Calls at the frontend so far, by operation, without what is LEFT_OUT. A second behind."""
        found: Counter[str] = Counter()
        for line in self._http.get(self._url).text.splitlines():
            if not line.startswith("service_requests{"):
                continue
            labels = dict(_LABEL.findall(line))
            if labels.get("service_name") == "frontend" and labels.get("namespace") == self._namespace:
                found[labels["operation"]] += int(float(line.rpartition(" ")[2]))
        return Counter({name: count for name, count in found.items() if name not in LEFT_OUT})


@dataclass(slots=True)
class HistoryCounts:
    """Bytes are those of the encoded events: what a server stores of them, payloads sealed."""

    tasks: int = 0
    events: int = 0
    bytes: int = 0

    def minus(self, other: "HistoryCounts") -> "HistoryCounts":
        return HistoryCounts(self.tasks - other.tasks, self.events - other.events, self.bytes - other.bytes)


async def histories(client: Client, process_ids: list[str]) -> dict[str, HistoryCounts]:
    """The history of each process that exists, all of its current run."""
    found = {}
    for process_id in process_ids:
        counts = HistoryCounts()
        async for event in client.get_workflow_handle(process_id).fetch_history_events():
            counts.events += 1
            counts.bytes += event.ByteSize()
            counts.tasks += event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        found[process_id] = counts
    return found
