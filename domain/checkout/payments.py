"""What a payment handler is asked and may answer. The seam where a real processor plugs in.

Each question carries a key of its own attempt: the same key again is the same payment, so a question may be
repeated after a crash. A handler raises for an outage, and the question is repeated; it answers for a refusal.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

MARKET_HANDLER = "souk_market"
"""No money moves through Souk: the parties settle between themselves, as orders of the market always do."""

MOCK_HANDLER = "mock_payment_handler"
"""Moves no money either, and fails on demand: only in the test-only mode."""


def takes_money(handler_id: str) -> bool:
    """Whether what the handler captures is money: an order it was asked for is paid then, and not before its word.

    Souk's own settlement takes none: the seller must confirm such a payment like that of any order.
    """
    return handler_id != MARKET_HANDLER


class Verdict(StrEnum):
    OK = "OK"
    DECLINED = "DECLINED"
    REFUSED = "REFUSED"
    NEEDS_BUYER = "NEEDS_BUYER"


@dataclass(frozen=True, slots=True)
class Charge:
    """``key`` is the idempotency key; ``reference`` what the handler called the payment when it authorized it."""

    key: str
    amount_cents: int
    currency: str
    reference: str | None = None
    credential: dict[str, Any] = field(default_factory=dict, repr=False)
    risk_signals: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    verdict: Verdict
    reference: str | None = None


class PaymentHandler(Protocol):
    """One way to pay. ``void`` and ``refund`` of what never was do nothing."""

    async def authorize(self, charge: Charge) -> Reply:
        """Reserve the amount."""
        ...

    async def capture(self, charge: Charge) -> Reply:
        """Take what was authorized."""
        ...

    async def void(self, charge: Charge) -> None:
        """Let go of what was authorized under this key, known by its reference or by the key alone."""
        ...

    async def refund(self, charge: Charge) -> None:
        """Pay back part of what was captured."""
        ...


class MarketSettlement:
    """Souk's own handler: agrees to everything and moves nothing."""

    async def authorize(self, charge: Charge) -> Reply:
        return Reply(Verdict.OK, charge.key)

    async def capture(self, charge: Charge) -> Reply:
        return Reply(Verdict.OK, charge.reference)

    async def void(self, charge: Charge) -> None:
        """Nothing was reserved."""

    async def refund(self, charge: Charge) -> None:
        """Nothing was taken."""
