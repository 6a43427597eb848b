"""The test-only mode: a shop from CSV files, and all the ways in which it cannot be switched on by accident."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from config.settings import Settings
from db.checkout.pricing import list_known_addresses, load_price_list, load_shelf
from db.checkout.reads import find_simulated_item, find_simulated_listing
from db.platform.database import Database
from domain.checkout.fulfillment import list_options
from domain.checkout.payments import MARKET_HANDLER, MOCK_HANDLER
from domain.market.policy import MarketPolicy
from souk.cli import app
from souk.simulation.files import read_shop
from souk.simulation.loading import load_shop
from souk.stack.errors import StackError
from tests.invariants import assert_sound

SHOP = Path(__file__).parents[2] / "data" / "made_up_shop"
SECRET = "a secret of sixteen letters"


def test_off_by_default_and_with_no_mock_handler() -> None:
    assert Settings().payment_handler_ids == (MARKET_HANDLER,)
    assert Settings(market_settlement=False).payment_handler_ids == ()


def test_on_only_when_asked_for_with_a_secret_on_this_machine() -> None:
    settings = Settings(simulation={"enabled": True, "secret": SECRET}, database_url="postgresql://souk@localhost/souk")
    assert settings.payment_handler_ids == (MARKET_HANDLER, MOCK_HANDLER)


@pytest.mark.parametrize(
    "wrong",
    [
        {"simulation": {"enabled": True}},
        {"simulation": {"enabled": True, "secret": "short"}},
        {"simulation": {"secret": SECRET}},
        {"api_host": "0.0.0.0"},
        {"trusted_proxies": "10.0.0.1"},
        {"public_url": "https://souk.example"},
        {"database_url": "postgresql://souk@db.example/souk"},
        {"worker_database_url": "postgresql://souk@db.example/souk"},
        {"worker_database_url": "postgresql://souk@/souk?host=db.example"},
        {"worker_database_url": "postgresql://souk@localhost/souk?hostaddr=10.0.0.7"},
        {"worker_database_url": "postgresql://souk@/souk?host=localhost:5432&host=db.example:5432"},
        {"pooler_url": "postgresql://pool.example:6432/souk"},
        {"serves_others": True},
        {"temporal_address": "temporal:7233"},
    ],
    ids=str,
)
def test_refused_where_others_could_reach_it(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="simulation"):
        Settings(**{"simulation": {"enabled": True, "secret": SECRET}} | wrong)


def test_the_command_is_refused_while_the_mode_is_off() -> None:
    answer = CliRunner().invoke(app, ["simulation", "load", str(SHOP)])
    assert answer.exit_code == 2
    assert "SOUK_SIMULATION__ENABLED" in answer.stderr


async def test_a_shop_from_files(worker_database: Database) -> None:
    files = read_shop(SHOP)
    async with worker_database.session() as session:
        store_id = await load_shop(session, files, MarketPolicy())
    async with worker_database.session() as session:
        lamp = await find_simulated_listing(session, "brass_lamp")
        assert lamp is not None
        assert await find_simulated_item(session, lamp) == "brass_lamp"
        shelf = await load_shelf(session, [lamp])
        assert (shelf.goods[lamp].title, shelf.goods[lamp].unit_price_cents) == ("Brass lamp", 3_500)
        prices = await load_price_list(session, store_id, ["welcome20", "no such"])
        assert [rule.code for rule in prices.discounts] == ["WELCOME20"]
        pot = await find_simulated_listing(session, "clay_pot")
        assert pot is not None
        found = {
            (country, subtotal, len(listings)): [
                (o.id, o.price_cents) for o in list_options(country, prices, subtotal, listings)
            ]
            for country, subtotal, listings in (("US", 3_500, ()), ("CA", 10_000, ()), ("US", 1_200, (pot,)))
        }
        assert found == {
            ("US", 3_500, 0): [("std-ship", 500), ("exp-ship-us", 1_500)],
            ("CA", 10_000, 0): [("std-ship", 0), ("exp-ship-intl", 2_500)],
            ("US", 1_200, 1): [("std-ship", 0), ("exp-ship-us", 1_500)],
        }
        homes = await list_known_addresses(session, "AMINA@example.com")
        assert [home.address_locality for home in homes] == ["Springfield", "Metropolis"]
        assert await list_known_addresses(session, "basil@example.com") == ()
        with pytest.raises(StackError, match="loaded before"):
            await load_shop(session, files, MarketPolicy())
        # Made up for this test: out again, so that others may load the same names.
        await session.execute(text("DELETE FROM simulation_items"))
        await session.execute(text("DELETE FROM address_book"))
    await assert_sound(worker_database)


def test_a_line_that_does_not_fit_is_named(tmp_path: Path) -> None:
    (tmp_path / "products.csv").write_text("id,title,price,image_url\na,A,100,\nb,B,cheap,\n")
    with pytest.raises(StackError, match=r"products\.csv, line 3"):
        read_shop(tmp_path)
    with pytest.raises(StackError, match="products"):
        read_shop(tmp_path / "nowhere")
