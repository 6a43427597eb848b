"""Listings, stores and threads as resources: public reads, the same views the tools show, as JSON."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from mcp import MCPError
from mcp.server.mcpserver import MCPServer
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS
from pydantic import Field, TypeAdapter, ValidationError

from api.mcp.inside import inside
from api.mcp.refusals import Refused
from api.mcp.views import Listings, ListingView, StoreTrust, ThreadHead, ThreadView, View

_JSON = "application/json"
_NEWEST = 50
_id = TypeAdapter(Annotated[UUID, Field(strict=False)])


class Threads(View):
    items: list[ThreadHead]


async def _read(path: str, show: Callable[[dict[str, object]], View]) -> str:
    """The view of a read, as JSON text. What is refused becomes a protocol error that carries the problem."""
    try:
        return show(await inside().get(path)).model_dump_json(by_alias=True)
    except Refused as refused:
        code = INVALID_PARAMS if refused.problem["status"] in (404, 422) else INTERNAL_ERROR
        raise MCPError(code, str(refused), refused.problem) from None


def _checked(id: str) -> UUID:
    try:
        return _id.validate_python(id)
    except ValidationError:
        raise MCPError(INVALID_PARAMS, "The id in this URI is not a UUID.") from None


def add_resources(server: MCPServer[None]) -> None:
    @server.resource(
        "souk://listings", title="Newest listings", description="What is for sale, newest first.", mime_type=_JSON
    )
    async def listings() -> str:
        return await _read(f"/v1/listings?status=ACTIVE&limit={_NEWEST}", Listings.of)

    @server.resource(
        "souk://threads", title="Newest threads", description="Public threads, newest first.", mime_type=_JSON
    )
    async def threads() -> str:
        return await _read(
            f"/v1/threads?limit={_NEWEST}",
            lambda page: Threads(items=[ThreadHead.of(thread) for thread in page["items"]]),  # type: ignore[attr-defined]
        )

    @server.resource(
        "souk://listings/{listing_id}", title="A listing", description="Price, stock and description.", mime_type=_JSON
    )
    async def listing(listing_id: str) -> str:
        return await _read(f"/v1/listings/{_checked(listing_id)}", ListingView.of)

    @server.resource(
        "souk://stores/{store_id}", title="A store", description="Policies, trust and what moved it.", mime_type=_JSON
    )
    async def store(store_id: str) -> str:
        return await _read(f"/v1/stores/{_checked(store_id)}", StoreTrust.of)

    @server.resource(
        "souk://threads/{thread_id}", title="A thread", description="Messages, oldest first.", mime_type=_JSON
    )
    async def thread(thread_id: str) -> str:
        return await _read(f"/v1/threads/{_checked(thread_id)}", ThreadView.of)
