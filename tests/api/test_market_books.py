"""The traders' books and market directories: what is kept, what is read, what is counted."""

import stat
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from souk.trading.book import BookError, MarketBook, MerchantCard, book_path, read_book, write_book
from souk.trading.dataset import DatasetError, load_market
from souk.trading.load import load_market_into
from souk.trading.outcome import CustomerOutcome, MarketOutcome, Purchase, verdict
from souk_client import AsyncSouk, MarketUnreachableError


def test_the_book_is_private_and_its_keys_do_not_change(tmp_path: Path) -> None:
    book = MarketBook(market="m")
    book.merchants["b"] = MerchantCard(business_id="b", name="B", handle="b-1", api_key="secret")
    path = book_path(tmp_path, "m")
    write_book(path, book)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = read_book(path)
    assert again == book
    assert again.key("store", "b") == book.key("store", "b") != book.key("store", "c")
    path.write_text("{")
    with pytest.raises(BookError, match="not a market book"):
        read_book(path)


def write_market(directory: Path) -> None:
    for folder in ("businesses", "customers"):
        (directory / folder).mkdir(parents=True)
    business = "id: b1\nname: Comal\nmenu_features: {Sopa: 9.99, Tamal: 4.01}\nmin_price_factor: 0.57\n"
    (directory / "businesses" / "b1.yaml").write_text(business)
    (directory / "customers" / "c1.yaml").write_text("id: c1\nname: Ana\nmenu_features: {Sopa: 8.5}\n")
    (directory / "baseline_utilities.json").write_text('{"pick_optimal_baseline": {"constant": 7.01}}')


def test_a_market_directory_is_read_in_cents(tmp_path: Path) -> None:
    write_market(tmp_path / "tiny")
    market = load_market(tmp_path / "tiny")
    assert market.businesses[0].menu == {"Sopa": 999, "Tamal": 401}
    assert [market.businesses[0].floor_cents(item) for item in ("Sopa", "Tamal")] == [570, 229]
    assert market.customers[0].value_cents == 850
    assert market.optimal_cents() == 701


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        (
            "businesses/b1.yaml",
            "id: b1\nname: x\nmenu_features: {A: -1}\nmin_price_factor: 0.5",
            "menu_features.A",
        ),
        ("businesses/b1.yaml", "{unclosed", "not readable as YAML"),
        ("customers/c2.yaml", "id: c1\nname: Again\nmenu_features: {A: 1}", "same id"),
        ("baseline_utilities.json", "[]", "baseline"),
    ],
)
def test_a_wrong_file_is_one_clear_line(tmp_path: Path, file: str, content: str, words: str) -> None:
    write_market(tmp_path / "tiny")
    (tmp_path / "tiny" / file).write_text(content)
    with pytest.raises(DatasetError, match=words) as caught:
        load_market(tmp_path / "tiny")
    assert "\n" not in str(caught.value)


def test_a_wrong_directory_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no businesses/\*\.yaml"):
        load_market(tmp_path)
    with pytest.raises(DatasetError, match="is not a directory"):
        load_market(tmp_path / "absent")


async def test_a_load_that_died_half_way_repeats_only_known_keys(tmp_path: Path, app: FastAPI) -> None:
    """The market does what a request asks and the answer is lost: the next load sends the same key."""
    documented = app.openapi()["paths"]

    def example(path: str, method: str, status: str) -> dict[str, object]:
        return documented[path][method]["responses"][status]["content"]["application/json"]["example"]

    write_market(tmp_path / "tiny")
    market = load_market(tmp_path / "tiny")
    done: dict[str, dict[str, object]] = {}
    alive = 4

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal alive
        if request.method == "PUT":
            return httpx.Response(200, json={"floor_cents": 1})
        if request.method == "GET":
            return httpx.Response(200, json=example("/v1/agents/me", "get", "200"))
        answer = done.setdefault(request.headers["Idempotency-Key"], example(request.url.path, "post", "201"))
        alive -= 1
        if alive == 0:
            raise httpx.ReadError("gone")
        return httpx.Response(201, json=answer)

    async with AsyncSouk("http://souk", patience_seconds=0.0, transport=httpx.MockTransport(handler)) as client:
        with pytest.raises(MarketUnreachableError):
            await load_market_into(client, market, tmp_path, lambda _: None)
        report = await load_market_into(client, market, tmp_path, lambda _: None)
        assert (report.merchants, report.listings, report.opened_now) == (1, 2, 1)
        assert len(done) == 6  # an agent, a store, two products, two listings: none of them twice
        assert (await load_market_into(client, market, tmp_path, lambda _: None)).opened_now == 0
    assert len(done) == 6


def test_utility_is_counted_as_the_data_says() -> None:
    bought = Purchase(item="Sopa", store_id="s", store_name="Comal", order_id="o", list_cents=999, paid_cents=900)
    ana = CustomerOutcome(customer="Ana", wanted=["Sopa"], value_cents=850, served=True, purchases=[bought])
    assert ana.utility_cents == 800
    half = ana.model_copy(update={"served": False, "reason": "sold out"})
    assert half.utility_cents == -900
    outcome = MarketOutcome(market="m", customers=[ana], baselines=[], optimal_cents=701)
    assert outcome.exit_code == 0
    assert "at or above" in verdict(outcome)
    assert MarketOutcome(market="m", customers=[half], baselines=[], optimal_cents=701).exit_code == 1
    assert outcome.merchants[0].share_of_list == pytest.approx(900 / 999)
