"""What each trust reason reads and what it is worth.

A fact's inputs are everything its rule looks at, recorded beside the event, so anyone can recompute the
score from public rows. One frozen model per reason: unknown keys, wrong types and numbers out of range
are refused with ``TRUST_INPUTS_INVALID``. Invariant: a weight is a whole number of milli-units between 0
and ``2 * U``, and no rule but a policy slot and the decay ever takes evidence away. Negatives
(``REPLY_MISSED``, ``OFFER_BROKEN``, ``TIME_DECAY``) extend the seed's enum: without them scores only rise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from domain.market.policy_checklist import PolicyField
from domain.shared.errors import ErrorKind, declare

U = 1000
"""One unit of evidence, in milli-units: what one full-weight review is worth."""

TRUST_INPUTS_INVALID = declare(
    "TRUST_INPUTS_INVALID",
    ErrorKind.INVALID,
    "The inputs of a trust fact do not fit the rule of its reason.",
)


class TrustComponent(StrEnum):
    """The four parts of the overall score, in the order events of one fact are recorded."""

    PRODUCT = "product"
    CLAIM = "claim"
    SUPPORT = "support"
    POLICY = "policy"


class TrustReason(StrEnum):
    """Why evidence changed. The first six are the seed's; the last three extend it."""

    REVIEW_POSTED = "REVIEW_POSTED"
    MERCHANT_REPLIED_IN_THREAD = "MERCHANT_REPLIED_IN_THREAD"
    POLICY_UPDATED = "POLICY_UPDATED"
    PRICE_UPDATED = "PRICE_UPDATED"
    PRODUCT_COPY_UPDATED = "PRODUCT_COPY_UPDATED"
    OFFER_HONORED = "OFFER_HONORED"
    REPLY_MISSED = "REPLY_MISSED"
    OFFER_BROKEN = "OFFER_BROKEN"
    TIME_DECAY = "TIME_DECAY"


@dataclass(frozen=True, slots=True)
class TrustDelta:
    """A change of one component's evidence, in milli-units; either number may be negative."""

    component: TrustComponent
    dr: int
    ds: int


def halved_weight(earlier: int) -> int:
    """``U`` halved once per earlier fact of the same customer: 1000, 500, … and 0 from the tenth repeat."""
    return U >> min(earlier, U.bit_length())


def _stars(component: TrustComponent, weight: int, stars: int) -> TrustDelta:
    positive = weight * (stars - 1) // 4
    return TrustDelta(component, positive, weight - positive)


Count = Annotated[int, Field(ge=0)]
Stars = Annotated[int, Field(ge=1, le=5)]


class TrustInputs(BaseModel):
    """Base of the inputs. Strict: "5" or 5.0 is no rating, and True is no number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def deltas(self) -> list[TrustDelta]:
        """The evidence this fact is worth whatever the state. Policy and decay depend on it: see fold."""
        return []


class ReviewPosted(TrustInputs):
    """A review of a delivered order by a buyer who is not the owner.

    ``weight_cents`` comes from :func:`domain.market.trust.review_weight_cents` and is never the amount of
    a negotiated order; ``full_weight_cents`` is V0; ``earlier_reviews`` by this buyer of this store.
    """

    rating: Stars
    as_described: Stars | None = None
    weight_cents: Count
    full_weight_cents: Annotated[int, Field(ge=1)]
    earlier_reviews: Count

    def deltas(self) -> list[TrustDelta]:
        paid = min(self.weight_cents, self.full_weight_cents)
        weight = halved_weight(self.earlier_reviews) * paid // self.full_weight_cents
        found = [_stars(TrustComponent.PRODUCT, weight, self.rating)]
        if self.as_described is not None:
            found.append(_stars(TrustComponent.CLAIM, weight, self.as_described))
        return found


class MerchantReplied(TrustInputs):
    """The first answer to an open customer question, milliseconds after it. Late answers earn nothing."""

    latency_ms: Count
    deadline_ms: Annotated[int, Field(ge=1)]
    earlier_questions: Count

    def deltas(self) -> list[TrustDelta]:
        weight = halved_weight(self.earlier_questions)
        negative = weight * min(self.latency_ms, self.deadline_ms) // self.deadline_ms
        return [TrustDelta(TrustComponent.SUPPORT, weight - negative, negative)]


class ReplyMissed(TrustInputs):
    """The reply deadline of an open question passed."""

    earlier_questions: Count

    def deltas(self) -> list[TrustDelta]:
        return [TrustDelta(TrustComponent.SUPPORT, 0, halved_weight(self.earlier_questions))]


class PolicyUpdated(TrustInputs):
    """Which checklist fields are present and parseable now; fields left out keep their slot."""

    fields: Annotated[dict[Annotated[PolicyField, Field(strict=False)], bool], Field(min_length=1)]


class PriceUpdated(TrustInputs):
    """A price change; ``penalised_recently`` says this listing was penalised within the cooldown."""

    raised: bool
    open_commitments: bool
    penalised_recently: bool

    def deltas(self) -> list[TrustDelta]:
        broken_word = self.raised and self.open_commitments and not self.penalised_recently
        return [TrustDelta(TrustComponent.CLAIM, 0, U // 2 if broken_word else 0)]


class ProductCopyUpdated(TrustInputs):
    """A copy change. An edit that does both earns both: resolving a challenge is no licence to mislead."""

    resolves_challenge: bool = False
    undelivered_orders: bool = False
    penalised_recently: bool = False

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set & {"resolves_challenge", "undelivered_orders"}:
            raise ValueError("resolves_challenge or undelivered_orders is needed")
        return self

    def deltas(self) -> list[TrustDelta]:
        moved_goal = self.undelivered_orders and not self.penalised_recently
        return [TrustDelta(TrustComponent.CLAIM, U // 2 if self.resolves_challenge else 0, U // 2 if moved_goal else 0)]


class OfferHonored(TrustInputs):
    """An accepted offer was delivered at its price; ``earlier_honored`` for this buyer by this store."""

    earlier_honored: Count

    def deltas(self) -> list[TrustDelta]:
        return [TrustDelta(TrustComponent.CLAIM, halved_weight(self.earlier_honored), 0)]


class OfferBroken(TrustInputs):
    """A promised delivery did not come. Costs two units, whoever the buyer is."""

    def deltas(self) -> list[TrustDelta]:
        return [TrustDelta(TrustComponent.CLAIM, 0, 2 * U)]


class TimeDecay(TrustInputs):
    """A decay period ended. Reads nothing but the state."""


_MODELS: Mapping[TrustReason, type[TrustInputs]] = {
    TrustReason.REVIEW_POSTED: ReviewPosted,
    TrustReason.MERCHANT_REPLIED_IN_THREAD: MerchantReplied,
    TrustReason.POLICY_UPDATED: PolicyUpdated,
    TrustReason.PRICE_UPDATED: PriceUpdated,
    TrustReason.PRODUCT_COPY_UPDATED: ProductCopyUpdated,
    TrustReason.OFFER_HONORED: OfferHonored,
    TrustReason.REPLY_MISSED: ReplyMissed,
    TrustReason.OFFER_BROKEN: OfferBroken,
    TrustReason.TIME_DECAY: TimeDecay,
}


def parse_inputs(reason: TrustReason, inputs: Mapping[str, Any]) -> TrustInputs:
    """The typed inputs of a fact. Raises DomainError TRUST_INPUTS_INVALID naming the fields, not values."""
    try:
        return _MODELS[reason].model_validate(dict(inputs))
    except ValidationError as refused:
        problems = [
            {"field": ".".join(str(part) for part in error["loc"]), "problem": error["type"]}
            for error in refused.errors(include_input=False, include_url=False, include_context=False)
        ]
        named = ", ".join(f"{p['field'] or 'inputs'} ({p['problem']})" for p in problems)
        raise TRUST_INPUTS_INVALID.error(
            f"Inputs of {reason.value} do not fit: {named}.", reason=reason.value, problems=problems
        ) from None
