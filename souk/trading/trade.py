"""``souk market trade``: lets a directory's customers trade with the merchants that were loaded.

Customers and merchants run as separate agents in one asyncio process and meet only through the public API.
Customers register anew for each run; merchants act with the keys in the data directory's books. All loaded
merchants work, not only this market's, because a customer's search finds those too.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from souk.trading.book import book_path, read_book, read_books
from souk.trading.customer import CustomerAgent
from souk.trading.dataset import Customer, Market
from souk.trading.load import LoadError, check_same_souk
from souk.trading.merchant import MerchantAgent, amenity_answer, follow_feed
from souk.trading.outcome import CustomerOutcome, MarketOutcome
from souk.trading.progress import Board
from souk_client import AsyncSouk

CUSTOMERS_AT_ONCE = 8


async def merchants_of(client: AsyncSouk, market: Market, data_dir: Path, board: Board) -> list[MerchantAgent]:
    """The agents of every loaded merchant. Raises LoadError when the market is not (wholly) loaded."""
    path = book_path(data_dir, market.name)
    book = read_book(path)
    if book is None or any(b.id not in book.merchants or not book.merchants[b.id].complete for b in market.businesses):
        raise LoadError(f"{market.name} is not fully loaded in {data_dir}: run `souk market load` on it first")
    await check_same_souk(client, book, path)
    return [
        MerchantAgent(client, card, amenity_answer(card), board.note)
        for known in read_books(data_dir)
        for card in known.merchants.values()
        if card.complete
    ]


async def trade(client: AsyncSouk, market: Market, data_dir: Path, console: Console) -> MarketOutcome:
    """Let everybody trade. Before that: LoadError, BookError, ApiProblem, MarketUnreachableError."""
    gate = asyncio.Semaphore(CUSTOMERS_AT_ONCE)
    outcomes: dict[str, CustomerOutcome] = {}
    with Board(console, f"Trading on {market.name}") as board:
        merchants = await merchants_of(client, market, data_dir, board)

        async def serve(customer: Customer) -> None:
            async with gate:
                outcomes[customer.id] = await CustomerAgent(client, customer, board).run()

        workers = [asyncio.create_task(agent.run()) for agent in merchants]
        workers.append(asyncio.create_task(follow_feed(client, merchants)))
        try:
            async with asyncio.TaskGroup() as group:
                for customer in market.customers:
                    group.create_task(serve(customer))
        finally:
            await stop(workers)
    return MarketOutcome(
        market=market.name,
        customers=[outcomes[customer.id] for customer in market.customers],
        baselines=market.baselines,
        optimal_cents=market.optimal_cents(),
    )


async def stop(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel agents that would work for ever; one that had failed says so now."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task
