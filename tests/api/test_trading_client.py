"""The traders' HTTP client and books: what is repeated, what is final, and what is kept."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from souk.trading import client as client_module
from souk.trading.book import BookError, MarketBook, MerchantCard, book_path, read_book, write_book
from souk.trading.client import ApiProblem, MarketClient, MarketUnreachableError, back_off_seconds
from souk.trading.dataset import DatasetError, load_market
from souk.trading.load import load_market_into
from souk.trading.outcome import CustomerOutcome, MarketOutcome, Purchase, verdict

Handler = Callable[[httpx.Request], httpx.Response]


def problem(status: int, code: str, headers: dict[str, str] | None = None) -> httpx.Response:
    body = {"type": "about:blank", "title": "No", "status": status, "detail": "Not so.", "code": code}
    content_type = {"content-type": "application/problem+json", **(headers or {})}
    return httpx.Response(status, content=json.dumps(body | {"next_actions": ["wait"]}), headers=content_type)


def client_of(handler: Handler, patience: float = 5.0) -> MarketClient:
    return MarketClient("http://souk", "key-1", patience_seconds=patience, transport=httpx.MockTransport(handler))


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_DELAY_SECONDS", 0.001)
    monkeypatch.setattr(client_module, "MAX_DELAY_SECONDS", 0.005)


@pytest.mark.parametrize(
    "first",
    [
        lambda: problem(503, "market.unavailable", {"Retry-After": "0"}),
        lambda: problem(429, "rate.limited", {"Retry-After": "0"}),
        lambda: problem(409, "idempotency.in_flight", {"Retry-After": "0"}),
        lambda: httpx.Response(502, text="bad gateway"),
        lambda: httpx.Response(500, text="cut off"),
    ],
)
async def test_a_post_is_repeated_with_the_same_key(first: Callable[[], httpx.Response]) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return first() if len(seen) < 3 else httpx.Response(201, json={"order_id": "1"})

    async with client_of(handler) as client:
        assert await client.post("/v1/orders", {"listing_id": "x"}) == {"order_id": "1"}
        await client.post("/v1/orders", {"listing_id": "x"})
    keys = [request.headers["Idempotency-Key"] for request in seen]
    assert len(set(keys[:3])) == 1
    assert keys[3] != keys[0]
    assert {request.headers["Authorization"] for request in seen} == {"Bearer key-1"}


@pytest.mark.parametrize("method", ["get", "post", "put", "patch"])
async def test_lost_connections_are_tried_again(method: str) -> None:
    failures: list[Exception] = [httpx.ConnectError("refused"), httpx.ReadTimeout("slow")]

    def handler(_: httpx.Request) -> httpx.Response:
        if failures:
            raise failures.pop()
        return httpx.Response(200, json={"ok": True})

    async with client_of(handler) as client:
        call = getattr(client, method)
        assert await (call("/v1/x") if method == "get" else call("/v1/x", {})) == {"ok": True}


async def test_patience_ends() -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    async with client_of(refuse, patience=0.05) as client:
        with pytest.raises(MarketUnreachableError, match="is it running"):
            await client.get("/v1/x")
    async with client_of(lambda _: problem(503, "temporal.away"), patience=0.05) as client:
        with pytest.raises(ApiProblem) as caught:
            await client.post("/v1/x")
    assert caught.value.is_fault


async def test_a_refusal_is_final_and_says_the_way_on() -> None:
    calls: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return problem(409, "offer.not_your_turn")

    async with client_of(handler) as client:
        with pytest.raises(ApiProblem) as caught:
            await client.post("/v1/offers/1/accept", {"round": 1})
    refusal = caught.value
    assert (refusal.status, refusal.code, refusal.detail) == (409, "offer.not_your_turn", "Not so.")
    assert refusal.next_actions == ["wait"]
    assert len(calls) == 1


async def test_a_fault_that_stays_is_reported() -> None:
    calls: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return problem(500, "internal")

    async with client_of(handler) as client:
        with pytest.raises(ApiProblem) as caught:
            await client.post("/v1/orders", {})
    assert caught.value.is_fault
    assert len(calls) == 1 + client_module.FAULTS_ALLOWED


async def test_an_answer_that_is_no_problem_document_is_still_a_problem() -> None:
    async with client_of(lambda _: httpx.Response(418, text="teapot")) as client:
        with pytest.raises(ApiProblem, match=r"418 http\.418: teapot"):
            await client.get("/v1/x")


async def test_pages_follow_the_cursor() -> None:
    pages = {None: ([1, 2], "a"), "a": ([3], "b"), "b": ([], None)}

    def handler(request: httpx.Request) -> httpx.Response:
        items, cursor = pages[request.url.params.get("cursor")]
        assert request.url.params["q"] == "salsa"
        return httpx.Response(200, json={"items": [{"n": n} for n in items], "next_cursor": cursor})

    async with client_of(handler) as client:
        assert [item["n"] async for item in client.pages("/v1/listings", q="salsa")] == [1, 2, 3]


async def test_streamed_events_carry_their_ids() -> None:
    first = 'event: OFFER_MADE\nid: 7\ndata: {"store_id": "s"}\n\n'
    text = first + ': heartbeat\n\nid: 8\ndata: {"store_id":\ndata: "t"}\n\n'
    async with client_of(lambda _: httpx.Response(200, text=text)) as client:
        events = [(event.event_id, event.data.get("store_id")) async for event in client.stream("/v1/activity/stream")]
    assert events == [(None, None), ("7", "s"), ("8", "t")]


def test_back_off_honours_what_the_server_asks() -> None:
    assert all(3.0 <= back_off_seconds(0, 3.0) <= 4.0 for _ in range(50))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("Sat, 21 Nov 2026 03:00:05 GMT", 5.0), ("soon", None), ("", None)],
)
def test_retry_after_is_read_in_both_forms(value: str, seconds: float | None) -> None:
    headers = {"Retry-After": value, "Date": "Sat, 21 Nov 2026 03:00:00 GMT"}
    assert client_module.retry_after_seconds(httpx.Response(503, headers=headers)) == seconds


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


async def test_a_load_that_died_half_way_repeats_only_known_keys(tmp_path: Path) -> None:
    """The market does what a request asks and the answer is lost: the next load sends the same key."""
    write_market(tmp_path / "tiny")
    market = load_market(tmp_path / "tiny")
    done: dict[str, dict[str, object]] = {}
    alive = 4

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal alive
        if request.method != "POST":
            return httpx.Response(200, json={})
        number = len(done)
        answers = {
            "/v1/agents": {"agent": {"agent_id": f"a{number}"}, "api_key": "k"},
            "/v1/stores": {"store_id": f"s{number}"},
            "/v1/products": {"product_id": f"p{number}"},
            "/v1/listings": {"listing_id": f"l{number}"},
        }
        answer = done.setdefault(request.headers["Idempotency-Key"], answers[request.url.path])
        alive -= 1
        if alive == 0:
            raise httpx.ReadError("gone")
        return httpx.Response(201, json=answer)

    async with client_of(handler, patience=0.0) as client:
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
