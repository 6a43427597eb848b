"""Deadlines, caps and windows of the market, all in seconds unless the name says otherwise.

A process takes the values it was started with and keeps them; changing a setting changes new processes.
Demos and tests use seconds where the defaults are days.
"""

from pydantic import BaseModel, ConfigDict, Field

from domain.platform.numbers import Seconds, SecondsOrZero

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class MarketPolicy(BaseModel):
    """Every tunable number of the market's rules, with the defaults of the design."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    offer_expiry_seconds: Seconds = 48 * HOUR
    offer_expiry_max_seconds: Seconds = 7 * DAY
    purchase_window_seconds: Seconds = 24 * HOUR
    offer_reminder_share: float = Field(0.75, gt=0, lt=1, description="of an offer's time, then who owes the answer")
    purchase_reminder_share: float = Field(0.75, gt=0, lt=1, description="of the purchase window, then the buyer")
    max_rounds: int = Field(10, ge=1, description="offers in one negotiation, counters included")
    max_open_negotiations: int = Field(100, ge=1, description="per buyer, holds included, unless it sets a lower one")
    auto_answer_min_seconds: Seconds = 10.0
    auto_answer_max_seconds: Seconds = Field(HOUR, description="all magnitudes between them are as likely")
    auto_answer_merchant_margin: float = Field(
        0.1, ge=0, le=1, description="widest logarithm of the factor between a threshold and bids, all buyers' alike"
    )
    auto_answer_pair_margin: float = Field(0.1, ge=0, le=1, description="the same, of merchant and buyer, on top of it")
    auto_answer_period_seconds: Seconds = Field(30 * DAY, description="in which a buyer's bids are counted")
    auto_answer_bids_per_listing: int = Field(3, ge=0, description="considered of one who paid for a delivery before")
    auto_answer_bids_per_store: int = Field(10, ge=0)
    auto_answer_first_bids_per_listing: int = Field(1, ge=0, description="considered of any other buyer")
    auto_answer_first_bids_per_store: int = Field(3, ge=0)

    price_notice_seconds: SecondsOrZero = Field(DAY, description="after a rise an order must name the price it expects")
    promised_delivery_seconds: Seconds = Field(7 * DAY, description="for SHIPPED listings that name none")
    delivery_reminder_share: float = Field(0.75, gt=0, lt=1, description="of the promised time")
    return_window_seconds: SecondsOrZero = 14 * DAY
    refund_answer_seconds: Seconds = 3 * DAY
    appeal_window_seconds: Seconds = Field(3 * DAY, description="after a declined refund, for its buyer")
    appeal_answer_seconds: Seconds = Field(7 * DAY, description="for the operators' decision on an appeal")
    payment_window_seconds: Seconds = Field(24 * HOUR, description="for an order that its merchant must deliver")
    payment_reminder_share: float = Field(0.75, gt=0, lt=1, description="of that window, then both parties")
    unpaid_share: float = Field(0.5, gt=0, le=1, description="of a listing's stock, for one buyer that has not paid")
    max_unpaid_orders: int = Field(20, ge=1, description="undelivered and unpaid, per buyer")
    lapse_memory_seconds: SecondsOrZero = Field(24 * HOUR, description="as long what lapsed counts as if it were held")
    review_window_seconds: Seconds = 30 * DAY
    review_reminder_share: float = Field(0.9, gt=0, lt=1, description="of the review window, then the buyer")

    reply_deadline_seconds: Seconds = Field(24 * HOUR, description="D of the trust formula")
    reply_reminder_share: float = Field(0.75, gt=0, lt=1, description="of that deadline, then the merchant")
    trust_decay_seconds: Seconds = 30 * DAY
    trust_penalty_cooldown_seconds: Seconds = 30 * DAY
    trust_full_weight_cents: int = Field(1_000, ge=1, description="V0 of the trust formula, minor units")
    trust_fold_delay_seconds: SecondsOrZero = Field(0.5, description="nudges within it share one fold")
