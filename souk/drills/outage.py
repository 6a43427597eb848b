"""``souk drill outage``: a part of the market is away for longer than its parties' dates, and nobody pays for it.

For each part in turn: a small market is set up in which every kind of date runs, the part is killed and stays away
until all of them have passed, and comes back. Then everybody does what was awaited of it, late by the clock and in time
by the market's. Nothing may have ended, nobody may have lost trust, everybody must have heard of its new date, and
readiness must have said what was missing.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from db.platform.database import Database
from db.platform.transactions import Transaction
from souk.drills.stack import DrillStack
from souk.stack.errors import StackError

Tell = Callable[[str], None]
PARTS = ("worker", "temporal", "postgres", "api")
_DATE_SECONDS = 15
_TOLERATED_SECONDS = 3
_PATIENCE_SECONDS = 120.0
SETTINGS = {
    "SOUK_MARKET__OFFER_EXPIRY_SECONDS": str(_DATE_SECONDS),
    "SOUK_MARKET__PURCHASE_WINDOW_SECONDS": str(_DATE_SECONDS),
    "SOUK_MARKET__PAYMENT_WINDOW_SECONDS": str(_DATE_SECONDS),
    "SOUK_MARKET__PROMISED_DELIVERY_SECONDS": str(_DATE_SECONDS),
    "SOUK_MARKET__REFUND_ANSWER_SECONDS": str(_DATE_SECONDS),
    "SOUK_MARKET__RETURN_WINDOW_SECONDS": str(_DATE_SECONDS),
    "SOUK_MARKET__REVIEW_WINDOW_SECONDS": str(_DATE_SECONDS),
    "SOUK_MARKET__REPLY_DEADLINE_SECONDS": str(_DATE_SECONDS),
    "SOUK_SWEEP_INTERVAL_SECONDS": "2",
    "SOUK_UPDATE_TIMEOUT_SECONDS": "3",
    "SOUK_OUTAGES__BEAT_SECONDS": "0.5",
    "SOUK_OUTAGES__TOLERATED_SECONDS": str(_TOLERATED_SECONDS),
    "SOUK_LIMITS__PER_ADDRESS": "1000000/minute",
    "SOUK_LIMITS__PER_AGENT": "1000000/minute",
}
_SOFT = {"offer-answer", "purchase", "payment", "delivery", "refund-answer", "return-window", "review", "reply"}
_BUYERS = ("bids", "holds", "waits", "returns", "reviews", "asks")
_ENDED = {
    "an offer expired": "SELECT offer_id FROM offers WHERE status = 'EXPIRED'",
    "an order was refunded": "SELECT order_id FROM orders WHERE status = 'REFUNDED' AND refund_reason <> 'GRANTED'",
    "a review window lapsed": "SELECT order_id FROM review_windows WHERE status = 'LAPSED'",
    "a question was missed": "SELECT question_message_id FROM support_questions WHERE missed_at IS NOT NULL",
    "trust was taken": "SELECT store_id FROM trust_facts WHERE reason IN ('OFFER_BROKEN', 'REPLY_MISSED')",
    "a date was moved that had passed before": """
        SELECT entity_id FROM extended_dates JOIN outages USING (outage_id) WHERE old_date <= began_at""",
}


@dataclass(slots=True)
class OutageReport:
    """What was away and for how long (seconds), what was extended, and what was wrong."""

    away: dict[str, float] = field(default_factory=dict)
    outages: int = 0
    dates_moved: int = 0
    acted: int = 0
    breaches: list[str] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        return asdict(self)


class _Agent:
    """Repeats with the same key until it is told."""

    def __init__(self, stack: DrillStack, kind: str) -> None:
        self._stack = stack
        self._http = httpx.Client(base_url=stack.api, timeout=30, trust_env=False)
        handle = f"{kind.lower()}-{secrets.token_hex(6)}"
        body = {
            "agent_type": kind,
            "handle": handle,
            "display_name": handle,
            "registration_secret": secrets.token_hex(32),
        }
        self._http.headers["Authorization"] = f"Bearer {self.post('/v1/agents', body)['api_key']}"

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Raises StackError when it is refused, or never answered."""
        return self._ask("POST", path, body)

    def get(self, path: str) -> dict[str, Any]:
        return self._ask("GET", path, None)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        key, end, answer = secrets.token_hex(16), time.monotonic() + _PATIENCE_SECONDS, "no answer"
        while time.monotonic() < end:
            try:
                response = self._http.request(method, path, json=body, headers={"Idempotency-Key": key})
            except httpx.TransportError as error:
                answer = str(error)
            else:
                if response.is_success:
                    found: dict[str, Any] = response.json()
                    return found
                answer = f"{response.status_code} {response.text[:200]}"
                if response.status_code < 500 and "in_flight" not in answer:
                    break
            self._stack.wait(0.3)
        raise StackError(f"{method} {path}: {answer}")


class _Market:
    """One of each date, all running: and what is to be done by it."""

    def __init__(self, stack: DrillStack) -> None:
        self.stack = stack
        self.seller = _Agent(stack, "MERCHANT")
        policies = {
            "return_policy_text": "Returns within 30 days for a full refund.",
            "shipping_policy_text": "Ships within 2 days. Two year warranty.",
        }
        self._store_id = self.seller.post("/v1/stores", {"name": "Lamps", **policies})["store_id"]
        self.shipped = self._listing("SHIPPED")
        self.instant = self._listing("INSTANT")
        self.buyers = {
            name: _Agent(stack, "CUSTOMER") for name in ("bids", "holds", "waits", "returns", "reviews", "asks")
        }
        threads = {name: self._ask(name) for name in self.buyers}
        # Those that were delivered first: their windows are the first to close.
        self.returned = self._buy("returns", self.instant)
        self.reviewed = self._buy("reviews", self.instant)
        self.ordered = self._buy("waits", self.shipped)
        self.held = self._bid("holds")
        self.seller.post(f"/v1/offers/{self.held}/accept", {"round": 1})
        self.bid = self._bid("bids")
        self.refund = self._buy("asks", self.instant)
        self.buyers["asks"].post(f"/v1/orders/{self.refund}/refund-request", {"reason": "It is red."})
        self._threads = threads

    def _listing(self, delivery: str) -> str:
        product = self.seller.post(
            "/v1/products", {"store_id": self._store_id, "title": "Brass lamp", "description": "Burns olive oil."}
        )
        body = {
            "product_id": product["product_id"],
            "price_cents": 1_500,
            "inventory_on_hand": 50,
            "delivery": delivery,
        }
        return str(self.seller.post("/v1/listings", body)["listing_id"])

    def _ask(self, who: str) -> str:
        buyer = self.buyers[who]
        for listing in (self.shipped, self.instant):
            thread = buyer.post(
                "/v1/threads", {"type": "GENERAL", "title": "A question", "context_listing_id": listing}
            )
            path = f"/v1/threads/{thread['thread_id']}/messages"
            buyer.post(path, {"body": "Does this lamp shine in the dark?"})
        return path

    def _buy(self, who: str, listing: str) -> str:
        body = {"listing_id": listing, "quantity": 1, "expected_unit_price_cents": 1_500}
        return str(self.buyers[who].post("/v1/orders", body)["order_id"])

    def _bid(self, who: str) -> str:
        body = {"listing_id": self.shipped, "proposed_price_cents": 1_200, "quantity": 1}
        return str(self.buyers[who].post("/v1/offers", body)["offer_id"])

    def acts(self) -> dict[str, Callable[[], object]]:
        """What everybody owed, by the date that passed meanwhile."""
        buyers, seller = self.buyers, self.seller
        return {
            "the seller answers the offer": lambda: seller.post(f"/v1/offers/{self.bid}/accept", {"round": 1}),
            "the buyer buys the accepted offer": lambda: buyers["holds"].post("/v1/orders", {"offer_id": self.held}),
            "the seller has its money": lambda: seller.post(f"/v1/orders/{self.ordered}/payment"),
            "the seller delivers": lambda: seller.post(f"/v1/orders/{self.ordered}/deliver"),
            "the buyer asks for its money back": lambda: buyers["returns"].post(
                f"/v1/orders/{self.returned}/refund-request", {"reason": "It is blue."}
            ),
            "the seller answers the refund request": lambda: seller.post(
                f"/v1/orders/{self.refund}/refund-decision", {"approve": False}
            ),
            "the buyer reviews": lambda: buyers["reviews"].post(
                "/v1/reviews", {"order_id": self.reviewed, "rating": 5, "body": "It shines in the dark."}
            ),
            "the seller replies": lambda: seller.post(self._threads["bids"], {"body": "It does."}),
        }

    def told(self) -> set[str]:
        """Of which extended dates the parties have heard."""
        heard = set()
        for agent in (self.seller, *self.buyers.values()):
            items = agent.get("/v1/inbox?limit=200")["items"]
            heard |= {item["meta"]["wait"] for item in items if item["type"] == "DATE_EXTENDED"}
        return heard


def run_outage_drill(data_dir: Path, tell: Tell, parts: tuple[str, ...] = PARTS) -> OutageReport:
    """Raises StackError when the stack does not come up, or the market cannot be set up."""
    report = OutageReport()
    tell("starting Postgres, Temporal, worker and API")
    with DrillStack(data_dir, SETTINGS) as stack:
        for name in parts:
            tell(f"a market whose {name} goes away")
            market = _Market(stack)
            _take_away(stack, name, report, tell)
            for act, do in market.acts().items():
                try:
                    do()
                    report.acted += 1
                except StackError as refused:
                    report.breaches.append(f"{name} away: {act}: {refused}")
            missing = _SOFT - market.told()
            if missing:
                report.breaches.append(f"{name} away: nobody was told that it has more time for: {sorted(missing)}")
            report.breaches += [f"{name} away: {what}" for what in asyncio.run(_judge(stack, report))]
    return report


def _take_away(stack: DrillStack, name: str, report: OutageReport, tell: Tell) -> None:
    part = stack.parts[name]
    part.kill()
    went = time.monotonic()
    stack.wait(_TOLERATED_SECONDS + 2)
    if _is_ready(stack):
        report.breaches.append(f"{name} away: readiness stays green")
    stack.wait(_DATE_SECONDS)
    tell(f"{name} comes back")
    part.restart()
    stack.wait_ready()
    report.away[name] = round(time.monotonic() - went, 1)


def _is_ready(stack: DrillStack) -> bool:
    try:
        return httpx.get(f"{stack.api}/readyz", timeout=10, trust_env=False).is_success
    except httpx.HTTPError:
        return False


async def _judge(stack: DrillStack, report: OutageReport) -> list[str]:
    """What ended that nobody had the time to prevent."""
    database = Database(stack.settings.role_url("worker"), 1, "souk-drill")
    try:
        async with database.transaction() as transaction:
            found = [what for what, query in _ENDED.items() if await transaction.run(query, {})]
            await _count(transaction, report)
    finally:
        await database.close()
    return found


async def _count(transaction: Transaction, report: OutageReport) -> None:
    [(report.outages, report.dates_moved)] = await transaction.run("SELECT count(*), sum(dates_moved) FROM outages", {})
