"""``souk market load`` and ``trade`` on a small market directory, against a running Souk, as one types them."""

import asyncio
import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tests.e2e.people import Agent

_AMENITIES = ("Free Wifi", "Live Music")
_MENU = {"Lentil Soup": 6.0, "Mint Tea": 3.0, "Date Cake": 5.0}


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """Three businesses and three customers; the third customer wants what nobody has."""
    root = tmp_path / "lentil_3_3"
    (root / "businesses").mkdir(parents=True)
    (root / "customers").mkdir()
    for number, (factor, wifi) in enumerate(((1.0, True), (0.9, True), (0.8, False)), 1):
        business = {
            "id": f"business_{number:04}",
            "name": f"Kitchen {number}",
            "description": "Soup and tea.",
            "rating": 1.0,
            "menu_features": {item: round(price * factor, 2) for item, price in _MENU.items()},
            "amenity_features": {_AMENITIES[0]: wifi, _AMENITIES[1]: False},
            "min_price_factor": 0.7,
        }
        (root / "businesses" / f"business_{number:04}.yaml").write_text(yaml.safe_dump(business))
    wishes = ((["Lentil Soup", "Mint Tea"], "Free Wifi"), (["Date Cake"], "Free Wifi"), (["Mint Tea"], "Live Music"))
    for number, (items, amenity) in enumerate(wishes, 1):
        customer = {
            "id": f"customer_{number:04}",
            "name": f"Guest {number}",
            "request": f"I would like {', '.join(items)} with {amenity}.",
            "menu_features": {item: _MENU[item] * 1.5 for item in items},
            "amenity_features": [amenity],
        }
        (root / "customers" / f"customer_{number:04}.yaml").write_text(yaml.safe_dump(customer))
    # Kitchen 2 is the cheapest with wifi: 2·13.5 − 8.1 for the first guest, 2·7.5 − 4.5 for the second.
    best = 2 * 13.5 - 8.1 + 2 * 7.5 - 4.5
    (root / "baseline_utilities.json").write_text(json.dumps({"pick_optimal_baseline": {"constant": best}}))
    return root


async def _souk(*words: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "souk", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


@pytest.mark.slow
async def test_a_market_is_loaded_and_its_customers_beat_the_menu(souk_url: str, market: Path, tmp_path: Path) -> None:
    where = ("--api", souk_url, "--data-dir", str(tmp_path / "data"))
    code, text = await _souk("market", "load", str(market), *where)
    assert code == 0, text
    code, again = await _souk("market", "load", str(market), *where)
    assert code == 0, again
    assert "0 opened now" in again

    code, text = await _souk("market", "trade", str(market), *where)
    assert code == 0, text
    assert "2 of 3 customers served, 1 told why not" in text
    assert "at or above pick_optimal_baseline" in text

    code, text = await _souk("trust", "verify", "--api", souk_url)
    assert code == 0, text
    assert "0 differ" in text


async def test_businesses_alone_are_loaded_and_cannot_trade(souk_url: str, market: Path, tmp_path: Path) -> None:
    (market / "baseline_utilities.json").unlink()
    shutil.rmtree(market / "customers")
    where = ("--api", souk_url, "--data-dir", str(tmp_path / "data"))
    code, text = await _souk("market", "load", str(market), *where)
    assert code == 0, text
    assert "3 merchants with 9 listings are open (3 opened now)" in text
    code, text = await _souk("market", "trade", str(market), *where)
    assert (code, len(text.strip().splitlines())) == (2, 1)
    assert "customers/*.yaml" in text


async def test_a_directory_that_is_no_market_is_told_in_one_line(souk_url: str, tmp_path: Path) -> None:
    code, text = await _souk("market", "load", str(tmp_path), "--api", souk_url)
    assert code == 2
    assert len(text.strip().splitlines()) == 1
    assert str(tmp_path) in text


async def test_an_audit_over_http_needs_an_operator(souk_url: str) -> None:
    code, text = await _souk("audit", "--api", souk_url)
    assert (code, "operator" in text) == (2, True)
    customer = Agent.register(souk_url, "CUSTOMER")
    assert customer.key
    code, text = await _souk("audit", "--api", souk_url, "--operator-key", customer.key)
    assert (code, "403" in text) == (2, True)
