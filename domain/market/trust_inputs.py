"""What each trust reason reads and what it is worth.

A fact's inputs are everything its rule looks at, recorded beside the event, so anyone can recompute the
score from public rows. One frozen model per reason: unknown keys, wrong types and numbers out of range
are refused with ``TRUST_INPUTS_INVALID``. Invariant: a weight is a whole number of milli-units between 0
and ``2 * U``, and no rule but a policy slot, the decay and the reversal of a refunded order takes evidence away.
Negatives (``REPLY_MISSED``, ``OFFER_BROKEN``, ``TIME_DECAY``) extend the seed's enum: without them scores only rise.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from domain.market.policy_checklist import PolicyField
from domain.market.trust_reasons import REVERSED_BY_REFUND, TrustComponent, TrustDelta, TrustReason
from domain.market.trust_weights import MOST_RECORD, broken_promise_weight, fact_weight, halved_weight
from domain.platform.errors import ErrorKind, declare

TRUST_INPUTS_INVALID = declare(
    "TRUST_INPUTS_INVALID",
    ErrorKind.INVALID,
    "The inputs of a trust fact do not fit the rule of its reason.",
)


def _stars(component: TrustComponent, weight: int, stars: int) -> TrustDelta:
    positive = weight * (stars - 1) // 4
    return TrustDelta(component, positive, weight - positive)


Count = Annotated[int, Field(ge=0)]
Stars = Annotated[int, Field(ge=1, le=5)]
_ForAndAgainst = Annotated[list[Count], Field(min_length=2, max_length=2)]


class TrustInputs(BaseModel):
    """Base of the inputs. Strict: "5" or 5.0 is no rating, and True is no number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def deltas(self) -> list[TrustDelta]:
        """The evidence this fact is worth whatever the state. Policy and decay depend on it: see fold."""
        return []


class PaidOrNot(TrustInputs):
    """Whether the order was known to be paid when this arose, and only if not, how many unpaid facts weighed before."""

    paid: bool | None
    earlier_unpaid: Count | None = None

    @model_validator(mode="after")
    def _counts_what_is_unpaid(self) -> Self:
        if (self.earlier_unpaid is not None) != (self.paid is False):
            raise ValueError("earlier_unpaid belongs to what is not paid, and to nothing else")
        return self


class ReviewPosted(PaidOrNot):
    """A review of a delivered order by a buyer who is not the owner.

    ``weight_cents`` comes from :func:`domain.market.trust.review_weight_cents` and is never the amount of
    a negotiated order; ``full_weight_cents`` is V0; ``earlier_reviews`` by this buyer of this store.
    """

    paid: bool
    rating: Stars
    as_described: Stars | None = None
    weight_cents: Count
    full_weight_cents: Annotated[int, Field(ge=1)]
    earlier_reviews: Count

    def deltas(self) -> list[TrustDelta]:
        cents = min(self.weight_cents, self.full_weight_cents)
        whole = fact_weight(self.earlier_reviews, paid=self.paid, earlier_unpaid=self.earlier_unpaid or 0)
        weight = whole * cents // self.full_weight_cents
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


class _UnderCommitments(PaidOrNot):
    """Base of changes under buyers who count on what was there: worth half of what their word would weigh.

    ``penalised_recently``: this listing was penalised within the cooldown. ``paid``: whether any of those buyers had
    paid; ``earlier_penalties``: earlier ones under the same buyer, the least known of them. Both only where it applies.
    """

    paid: bool | None = None
    penalised_recently: bool = False
    earlier_penalties: Count | None = None

    @property
    def concerned(self) -> bool:
        """Whether the change is one that buyers are wronged by."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _knows_whom_it_concerns(self) -> Self:
        if any((known is not None) != self.concerned for known in (self.paid, self.earlier_penalties)):
            raise ValueError("paid and earlier_penalties belong to a change that concerns buyers, and to nothing else")
        return self

    @property
    def penalty(self) -> int:
        if not self.concerned or self.penalised_recently:
            return 0
        halvings = 1 + (self.earlier_penalties or 0)
        return fact_weight(halvings, paid=self.paid is True, earlier_unpaid=self.earlier_unpaid or 0)


class PriceUpdated(_UnderCommitments):
    """A price change."""

    raised: bool
    open_commitments: bool
    penalised_recently: bool

    @property
    def concerned(self) -> bool:
        return self.raised and self.open_commitments

    def deltas(self) -> list[TrustDelta]:
        return [TrustDelta(TrustComponent.CLAIM, 0, self.penalty)]


class ProductCopyUpdated(_UnderCommitments):
    """A copy change: one fact for each challenge it resolves, one for each listing whose buyers wait for their goods.

    ``earlier_resolved``: challenges of the same customer that were resolved before; ``same_edit``: how many this very
    edit resolves before this one. An edit that does both earns both: resolving a challenge is no licence to mislead.
    """

    resolves_challenge: bool = False
    undelivered_orders: bool = False
    earlier_resolved: Count | None = None
    same_edit: Count | None = None

    @property
    def concerned(self) -> bool:
        return self.undelivered_orders

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set & {"resolves_challenge", "undelivered_orders"}:
            raise ValueError("resolves_challenge or undelivered_orders is needed")
        if any((known is not None) != self.resolves_challenge for known in (self.earlier_resolved, self.same_edit)):
            raise ValueError("earlier_resolved and same_edit belong to a challenge that is resolved")
        return self

    def deltas(self) -> list[TrustDelta]:
        halvings = 1 + (self.earlier_resolved or 0) + (self.same_edit or 0)
        earned = halved_weight(halvings) if self.resolves_challenge else 0
        return [TrustDelta(TrustComponent.CLAIM, earned, self.penalty)]


class OfferHonored(TrustInputs):
    """An accepted offer was paid and delivered at its price; ``earlier_honored`` for this buyer by this store."""

    earlier_honored: Count

    def deltas(self) -> list[TrustDelta]:
        return [TrustDelta(TrustComponent.CLAIM, halved_weight(self.earlier_honored), 0)]


class OfferBroken(PaidOrNot):
    """A promise of the seller was not kept: see :func:`domain.market.trust_weights.broken_promise_weight`.

    ``earlier_broken``: to the same buyer, where the promise was an order.
    """

    paid: bool
    buyer_record: Annotated[int, Field(ge=0, le=MOST_RECORD)] = 0
    earlier_broken: Count

    def deltas(self) -> list[TrustDelta]:
        weight = broken_promise_weight(
            self.earlier_broken,
            paid=self.paid,
            earlier_unpaid=self.earlier_unpaid or 0,
            buyer_record=self.buyer_record,
        )
        return [TrustDelta(TrustComponent.CLAIM, 0, weight)]


class TimeDecay(TrustInputs):
    """A decay period ended. Reads nothing but the state."""


class OrderRefunded(TrustInputs):
    """An order's money went back, and with it what one fact said because of that order.

    ``sequence``: where in the store's ledger that fact begins; ``evidence``: what it brought then, (r, s) by
    component, none where it weighed nothing; ``decays``: how often it has faded since. The ledger's check holds all of
    it against the rows.
    """

    of: Annotated[TrustReason, Field(strict=False)]
    sequence: Count
    evidence: dict[Annotated[TrustComponent, Field(strict=False)], _ForAndAgainst]
    decays: Count

    @model_validator(mode="after")
    def _can_be_reversed(self) -> Self:
        if self.of not in REVERSED_BY_REFUND:
            raise ValueError("a refund reverses no such fact")
        return self


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
    TrustReason.ORDER_REFUNDED: OrderRefunded,
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
