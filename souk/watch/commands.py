"""``souk watch`` and ``souk show``, over the public API; processes need an operator's key."""

import asyncio
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from souk.checks.target import ApiOption, KeyOption
from souk.commands.clear_errors import one_clear_line
from souk.commands.options import DEFAULT_DATA_DIR, DataDir
from souk.stack.errors import StackError
from souk.stack.running import running_stack
from souk.watch.feed import follow
from souk.watch.show import SHOWN
from souk_client import AsyncSouk, SoukError


class Thing(StrEnum):
    """What ``souk show`` knows."""

    STORE = "store"
    LISTING = "listing"
    ORDER = "order"
    NEGOTIATION = "negotiation"


def _address(api: str | None, data_dir: Path) -> str:
    return api or running_stack(data_dir).api


def watch(
    api: ApiOption = None,
    type: Annotated[str | None, typer.Option("--type", help="Only this kind, such as ORDER_PLACED.")] = None,
    store: Annotated[UUID | None, typer.Option("--store", help="Only this store.")] = None,
    last: Annotated[int, typer.Option("--last", min=0, max=200, help="Begin with so many past events.")] = 10,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Follow what happens in the market, line by line, until Ctrl-C. Survives a restart of the API."""
    chosen: dict[str, str] = {}
    if type:
        chosen["type"] = type
    if store:
        chosen["store_id"] = str(store)
    with one_clear_line(), suppress(KeyboardInterrupt):
        try:
            asyncio.run(follow(_address(api, data_dir), chosen, last, Console()))
        except SoukError as problem:
            raise StackError(str(problem)) from problem


def show(
    thing: Thing,
    id: Annotated[UUID, typer.Argument(help="Its id.")],
    api: ApiOption = None,
    operator_key: KeyOption = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Print a store, a listing, an order or a negotiation with its history. The last two need an operator's key."""

    async def look(address: str) -> None:
        async with AsyncSouk(address, operator_key, patience_seconds=5) as client:
            await SHOWN[thing](client, id, Console())

    with one_clear_line():
        if thing in {Thing.ORDER, Thing.NEGOTIATION} and not operator_key:
            raise StackError(f"{thing}s are private: give an operator's key with --operator-key or SOUK_OPERATOR_KEY")
        try:
            asyncio.run(look(_address(api, data_dir)))
        except SoukError as problem:
            raise StackError(str(problem)) from problem
