"""Connecting to Temporal, the same way for API, worker and tools."""

from temporalio.client import Client
from temporalio.runtime import Runtime
from temporalio.service import GrpcCompression

from workflows.codec import data_converter


async def connect(
    address: str, namespace: str, key_ring: str, *, lazy: bool = False, runtime: Runtime | None = None
) -> Client:
    """A client whose payloads are encrypted with ``key_ring``. ``lazy`` connects at the first call.

    ``runtime`` is the process's own when left out. Raises RuntimeError when the server cannot be reached,
    KeyRingError for a bad ring.
    """
    return await Client.connect(
        address,
        namespace=namespace,
        data_converter=data_converter(key_ring),
        lazy=lazy,
        grpc_compression=GrpcCompression.NONE,
        runtime=runtime,
    )
