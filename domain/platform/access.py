"""Who may call a route, and what the others hear: one row for each route, which a test holds against every caller."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

OK = "ok"
CALLERS = ("none", "customer", "foreign customer", "merchant", "foreign merchant", "operator", "revoked key")
"""Kinds of callers: the customer and the merchant are the parties of what is called, the foreign ones are not."""


@dataclass(frozen=True, slots=True)
class Access:
    """By kind of caller ``OK``, or the status of the refusal.

    ``body``: one that passes the schema, where callers are looked at after it; ids in braces stand for those of the
    parties' things.
    """

    answers: Mapping[str, str]
    body: Mapping[str, Any] = field(default_factory=dict)

    def but(self, **answers: str) -> "Access":
        """The same with other answers to some."""
        return Access(
            {**self.answers, **{kind.replace("_", " "): answer for kind, answer in answers.items()}}, self.body
        )

    def with_body(self, body: Mapping[str, Any]) -> Self:
        return type(self)(self.answers, body)


def _row(*, others: str = OK, **answers: str) -> Access:
    named = {kind: answers.get(kind.replace(" ", "_"), others) for kind in CALLERS}
    # A key that was revoked is worth nothing anywhere.
    return Access(named | {"revoked key": answers.get("revoked_key", "401")})


PUBLIC = _row()
AGENT = _row(none="401", operator="403")
CUSTOMER = _row(none="401", operator="403", merchant="403", foreign_merchant="403")
MERCHANT = _row(none="401", operator="403", customer="403", foreign_customer="403")
OWNER = MERCHANT.but(foreign_merchant="403")
PARTY = AGENT.but(foreign_customer="404", foreign_merchant="404")
BUYER = PARTY.but(merchant="403")
SELLER = PARTY.but(customer="403")
HOLDER = PARTY.but(merchant="404")
"""The customer's own."""
SHOPPER = CUSTOMER.but(foreign_customer="404")
"""A platform that did not sign is nobody; a customer's key acts for that customer."""
OPERATOR = _row(none="401", others="403", operator=OK)
UNGATED = _row(revoked_key=OK)
"""Outside of the gate: it answers when nothing else does."""
