"""Connecting to Temporal, the same way for API, worker and tools."""

from temporalio.client import Client
from temporalio.service import GrpcCompression

from workflows.codec import data_converter


async def connect(address: str, namespace: str, key_ring: str, *, lazy: bool = False) -> Client:
    """A client whose payloads are encrypted with ``key_ring``. ``lazy`` connects at the first call.

    Raises RuntimeError when the server cannot be reached, KeyRingError for a bad ring.
    """
    return await Client.connect(
        address,
        namespace=namespace,
        data_converter=data_converter(key_ring),
        lazy=lazy,
        grpc_compression=GrpcCompression.NONE,
    )
