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
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from config.settings import Settings
from db.market import discovery, feed, reads_catalog
from db.session import Database

LIMIT = 51
"""A page of fifty and one more, to know whether another follows."""

Read = Callable[[AsyncSession, UUID, UUID], Awaitable[object]]
Statement = tuple[str, Any]
READS: dict[str, tuple[str, Read]] = {
    "feed page": (
        "/v1/activity?limit=50",
        lambda session, *_: feed.list_before(session, None, LIMIT, feed.FeedFilter()),
    ),
    "feed of a store": (
        "/v1/activity?limit=50&store_id={store}",
        lambda session, store, _: feed.list_before(session, None, LIMIT, feed.FeedFilter(store_id=store)),
    ),
    "listing": ("/v1/listings/{listing}", lambda session, _, listing: reads_catalog.get_listing(session, listing)),
    "listings": (
        "/v1/listings?limit=50",
        lambda session, *_: reads_catalog.list_listings(session, reads_catalog.ListingFilter(), None, LIMIT),
    ),
    "store": ("/v1/stores/{store}", lambda session, store, _: reads_catalog.get_store(session, store)),
    "leaderboard": ("/v1/leaderboard?limit=50", lambda session, *_: discovery.list_by_trust(session, None, LIMIT)),
    "sales": ("/v1/leaderboard?limit=50&by=sales", lambda session, *_: discovery.list_by_sales(session, None, LIMIT)),
    "search": (
        "/v1/search?limit=50&q=lamp",
        lambda session, *_: discovery.search_listings(session, "lamp", None, LIMIT),
    ),
}


def path_of(name: str, store: str, listing: str) -> str:
    """The real route of a read."""
    return READS[name][0].format(store=store, listing=listing)


def bare_path(name: str) -> str:
    return "/" + name.replace(" ", "-")


async def statements_of(database: Database, store: UUID, listing: UUID) -> dict[str, list[Statement]]:
    """What Souk's queries send, by read."""
    found: dict[str, list[Statement]] = {}
    noted: list[Statement] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        noted.append((statement, parameters))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    for name, (_, read) in READS.items():
        noted.clear()
        async with database.transaction() as session:
            await read(session, store, listing)
        found[name] = list(noted)
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    return found


def _route(engine: AsyncEngine, statements: list[Statement]) -> Callable[[], Awaitable[Response]]:
    async def answer() -> Response:
        rows: list[list[Any]] = []
        async with engine.begin() as connection:
            for statement, parameters in statements:
                found = await connection.exec_driver_sql(statement, parameters)
                rows += [list(row) for row in found]
        return Response(to_json(rows), media_type="application/json")

    return answer


def make_app(database: Database, store: UUID, listing: UUID) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        for name, statements in (await statements_of(database, store, listing)).items():
            app.add_api_route(bare_path(name), _route(database.engine, statements), response_class=Response)
        yield
        await database.close()

    return FastAPI(lifespan=lifespan)


def main() -> None:
    settings = Settings()
    fd, store, listing = int(sys.argv[1]), UUID(sys.argv[2]), UUID(sys.argv[3])
    database = Database(settings.role_url("api"), settings.api_pool_size, "souk-bench-floor")
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(database, store, listing),
            loop="uvloop",
            http="httptools",
            access_log=False,
            log_level="warning",
        )
    )
    server.run(sockets=[socket.socket(fileno=fd)])


if __name__ == "__main__":
    main()
