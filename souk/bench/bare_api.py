"""The floor of every read: the same SQL in bare FastAPI routes, on the same kind of pool, and nothing around it.

``python -m souk.bench.bare_api FD STORE LISTING`` serves ``/{name}`` for every name in READS. At its start it asks
Souk's own queries once and notes their statements and parameters; a route then runs just those, in one
transaction, and answers with the rows as JSON: no admission, no rate limit, no row mapper, no schema, no headers.
"""

import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import uvicorn
from fastapi import FastAPI, Response
from pydantic_core import to_json

from config.settings import Settings
from db.market import reads_listings, reads_stores
from db.market.reads_catalog import ListingFilter
from db.platform import feed
from db.platform.database import Database
from db.platform.reading import Asked
from db.platform.statements import Compiled, Found

LIMIT = 51
"""A page of fifty and one more, to know whether another follows."""

Ask = Callable[[Database, UUID, UUID], Awaitable[object]]
Statement = tuple[str, Any]
READS: dict[str, tuple[str, Ask]] = {
    "feed page": (
        "/v1/activity?limit=50",
        lambda reads, *_: feed.read_page(reads, None, LIMIT, feed.FeedFilter(), newest_first=True),
    ),
    "feed of a store": (
        "/v1/activity?limit=50&store_id={store}",
        lambda reads, store, _: feed.read_page(reads, None, LIMIT, feed.FeedFilter(store_id=store), newest_first=True),
    ),
    "listing": ("/v1/listings/{listing}", lambda reads, _, listing: reads_listings.read_listing(reads, listing)),
    "listings": (
        "/v1/listings?limit=50",
        lambda reads, *_: reads_listings.read_listings(reads, ListingFilter(), None, LIMIT),
    ),
    "store": ("/v1/stores/{store}", lambda reads, store, _: reads_stores.read_store(reads, store)),
    "leaderboard": ("/v1/leaderboard?limit=50", lambda reads, *_: reads_stores.read_board(reads, "trust", None, LIMIT)),
    "sales": (
        "/v1/leaderboard?limit=50&by=sales",
        lambda reads, *_: reads_stores.read_board(reads, "sales", None, LIMIT),
    ),
    "search": (
        "/v1/search?limit=50&q=lamp",
        lambda reads, *_: reads_listings.search_listings(reads, ListingFilter(q="lamp"), "relevance", None, LIMIT),
    ),
}


def path_of(name: str, store: str, listing: str) -> str:
    """The real route of a read."""
    return READS[name][0].format(store=store, listing=listing)


def bare_path(name: str) -> str:
    return "/" + name.replace(" ", "-")


class _Noting(Database):
    """Notes what it is asked."""

    def __init__(self, url: str) -> None:
        super().__init__(url, 1, "souk-bench-noting")
        self.noted: list[Statement] = []

    async def fetch(self, query: Compiled[Found], values: dict[str, Any]) -> list[Found]:
        self.noted.append((query.text, query.parameters(values)))
        return await super().fetch(query, values)

    async def together(self, *asked: Asked, viewer: UUID | None = None) -> list[list[Any]]:
        self.noted += [(read.text, read.parameters(values)) for read, values in asked]
        return await super().together(*asked, viewer=viewer)


async def statements_of(url: str, store: UUID, listing: UUID) -> dict[str, list[Statement]]:
    """What Souk's queries send, by read."""
    found: dict[str, list[Statement]] = {}
    noting = _Noting(url)
    for name, (_, ask) in READS.items():
        noting.noted = []
        await ask(noting, store, listing)
        found[name] = noting.noted
    await noting.close()
    return found


def _route(database: Database, statements: list[Statement]) -> Callable[[], Awaitable[Response]]:
    async def answer() -> Response:
        rows: list[tuple[Any, ...]] = []
        async with database.transaction() as transaction:
            for statement, parameters in statements:
                rows += await transaction.run(statement, parameters)
        return Response(to_json(rows), media_type="application/json")

    return answer


def make_app(url: str, pool_size: int, store: UUID, listing: UUID) -> FastAPI:
    database = Database(url, pool_size, "souk-bench-floor")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        for name, statements in (await statements_of(url, store, listing)).items():
            app.add_api_route(bare_path(name), _route(database, statements), response_class=Response)
        yield
        await database.close()

    return FastAPI(lifespan=lifespan)


def main() -> None:
    settings = Settings()
    fd, store, listing = int(sys.argv[1]), UUID(sys.argv[2]), UUID(sys.argv[3])
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(settings.role_url("api"), settings.api_pool_size, store, listing),
            loop="uvloop",
            http="httptools",
            access_log=False,
            log_level="warning",
        )
    )
    server.run(sockets=[socket.socket(fileno=fd)])


if __name__ == "__main__":
    main()
