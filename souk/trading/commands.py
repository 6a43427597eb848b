"""The command line of this package: ``souk market load``, ``souk market trade`` and ``souk demo``.

Exit codes: 0 all is well; 1 the trade fell short, or the market refused; 2 something to put right first.
"""

import asyncio
import json
import secrets
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from souk.commands.options import DEFAULT_DATA_DIR, DataDir
from souk.stack.background import BackgroundStack
from souk.stack.errors import StackError
from souk.stack.running import running_stack
from souk.trading.book import BookError
from souk.trading.dataset import DatasetError, Market, load_market
from souk.trading.demo import Addresses, perform
from souk.trading.load import LoadError, LoadReport, load_market_into
from souk.trading.outcome import MarketOutcome, print_outcome
from souk.trading.trade import trade as let_trade
from souk_client import ApiProblem, AsyncSouk, SoukError

T = TypeVar("T")
_NOBODY_ELSES = {"SOUK_DATABASE_URL": "", "SOUK_TEMPORAL_ADDRESS": ""}
"""For a market that is fresh whatever this shell is set to."""

DirectoryArgument = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="businesses/*.yaml; to trade, customers/*.yaml and baseline_utilities.json too"),
]
ApiOption = Annotated[
    str | None,
    typer.Option("--api", metavar="URL", help="the Souk's address; default: the one in the data directory"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON document on standard output")]
PatienceOption = Annotated[
    float, typer.Option("--patience", min=0, help="seconds to wait for a market that does not answer")
]

app = typer.Typer(no_args_is_help=True, help="Open the businesses of a market directory and let its customers trade.")


def fail(message: str, code: int = 2) -> NoReturn:
    """One line on standard error, and out."""
    typer.echo(f"souk: {' '.join(message.split())}", err=True)
    raise typer.Exit(code)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, and turn what can go wrong into one line and an exit code."""
    try:
        return asyncio.run(work)
    except ApiProblem as problem:
        fail(f"the market refused: {problem}", 1)
    except (DatasetError, LoadError, BookError, StackError, SoukError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("interrupted", 130)


def resolve(directory: Path, api: str | None, data_dir: Path, *, to_trade: bool) -> tuple[Market, str]:
    """The market in the directory and the API to use."""
    try:
        market = load_market(directory, to_trade=to_trade)
        address = api or running_stack(data_dir).api
    except (DatasetError, StackError) as error:
        fail(str(error))
    check_address(address)
    return market, address


def check_address(api: str) -> None:
    """Refuse what is not an HTTP address before anything is tried."""
    if not api.startswith(("http://", "https://")):
        fail(f"--api {api} is not an address: give one like http://127.0.0.1:8000")


@app.command()
def load(
    directory: DirectoryArgument,
    api: ApiOption = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    as_json: JsonOption = False,
    patience: PatienceOption = 300.0,
) -> None:
    """Open every business of DIR as a merchant with a store, listings and private price floors."""
    market, address = resolve(directory, api, data_dir, to_trade=False)
    report = run(_load(market, address, data_dir, patience))
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "market": report.market,
                    "merchants": report.merchants,
                    "listings": report.listings,
                    "opened_now": report.opened_now,
                    "book": str(report.book),
                }
            )
        )
        return
    typer.echo(
        f"{report.market}: {report.merchants} merchants with {report.listings} listings are open "
        f"({report.opened_now} opened now). Next: souk market trade {directory}"
    )


async def _load(market: Market, address: str, data_dir: Path, patience: float) -> LoadReport:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(f"opening {market.name}", total=len(market.businesses))
        async with AsyncSouk(address, patience_seconds=patience) as client:
            return await load_market_into(client, market, data_dir, lambda _: progress.advance(task))


@app.command()
def trade(
    directory: DirectoryArgument,
    api: ApiOption = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    as_json: JsonOption = False,
    patience: PatienceOption = 300.0,
) -> None:
    """Let the customers of DIR search, ask, haggle, buy and review; print what each side made of it."""
    market, address = resolve(directory, api, data_dir, to_trade=True)
    outcome = run(_trade(market, address, data_dir, patience))
    if as_json:
        typer.echo(outcome.model_dump_json(indent=2))
    else:
        print_outcome(Console(), outcome)
    raise typer.Exit(outcome.exit_code)


async def _trade(market: Market, address: str, data_dir: Path, patience: float) -> MarketOutcome:
    async with AsyncSouk(address, patience_seconds=patience) as client:
        return await let_trade(client, market, data_dir, Console(stderr=True))


def demo(
    api: ApiOption = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="trade on the market in this folder; default: a fresh one, gone afterwards"),
    ] = None,
    *,
    forever: Annotated[
        bool | None,
        typer.Option("--forever/--once", help="go on trading until Ctrl-C, or end; default: go on when on a terminal"),
    ] = None,
) -> None:
    """Let scripted agents trade on a fresh market of their own and show what happened."""
    if api is not None:
        check_address(api)
    console = Console()
    try:
        with market_for_demo(data_dir, api, console) as (market, alive):
            run(perform(market, console, alive if (console.is_terminal if forever is None else forever) else None))
    except StackError as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("interrupted", 130)


@contextmanager
def market_for_demo(
    data_dir: Path | None, api: str | None, console: Console
) -> Iterator[tuple[Addresses, Callable[[], bool]]]:
    """Where to trade, and whether that still runs: a market that is there already, else one for this demo alone.

    Raises StackError when it cannot be started.
    """
    if api is not None:
        yield Addresses(api), lambda: True
        return
    with ExitStack() as stack:
        if data_dir is None:
            made = stack.enter_context(TemporaryDirectory(prefix="souk-demo-", ignore_cleanup_errors=True))
            background = BackgroundStack(Path(made) / secrets.token_hex(4), variables=_NOBODY_ELSES)
        else:
            background = BackgroundStack(data_dir)
            with suppress(StackError):
                running = background.running
                yield Addresses(running.api, running.temporal_workflows), lambda: True
                return
        with console.status("starting a market …"):
            stack.enter_context(background)
        running = background.running
        yield Addresses(running.api, running.temporal_workflows), lambda: background.process.poll() is None
