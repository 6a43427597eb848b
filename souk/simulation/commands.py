"""``souk simulation load``: only in the test-only mode, only on this machine."""

import asyncio
from pathlib import Path
from typing import Annotated
from uuid import UUID

import psycopg
import typer

from db.platform.database import Database
from souk.checks.target import DatabaseOption, database_target
from souk.commands.clear_errors import one_clear_line
from souk.commands.options import DEFAULT_DATA_DIR, DataDir
from souk.simulation.files import ShopFiles, read_shop
from souk.simulation.loading import load_shop
from souk.stack.errors import StackError
from souk.stack.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="A made-up shop for tests of the Universal Commerce Protocol.")


@app.callback()
def simulation() -> None:
    """A made-up shop for tests of the Universal Commerce Protocol."""


async def load_into(url: str, files: ShopFiles) -> UUID:
    """Write the shop into the database at ``url``, in one transaction."""
    database = Database(url, 1, "souk-simulation")
    try:
        async with database.session() as session:
            return await load_shop(session, files, load_settings().market)
    finally:
        await database.close()


@app.command("load")
def load(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder with products.csv and its sisters.")],
    database: DatabaseOption = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Load products, stock, discounts, customers, addresses and shipping rates from CSV files."""
    with one_clear_line():
        if not load_settings().simulation.enabled:
            raise StackError(
                "the test-only mode is off: set SOUK_SIMULATION__ENABLED=true and SOUK_SIMULATION__SECRET "
                "for this command, the API and the worker"
            )
        files = read_shop(folder)
        try:
            store_id = asyncio.run(load_into(database_target(database, data_dir).url, files))
        except psycopg.Error as error:
            raise StackError(f"the shop cannot be written: {error}") from error
        typer.echo(
            f"store {store_id}: {len(files.products)} products, {len(files.discounts)} discounts, "
            f"{len(files.rates)} shipping rates, {len(files.addresses)} known addresses"
        )
