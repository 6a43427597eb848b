"""Reminders: somebody is awaited, a share of the time has gone, and it is told once before the date passes.

A row keeps when its next reminder is due; the activity that gives it clears the date under the row's lock, so
a process that looks twice, is restarted or doubled reminds once. What is over reminds nobody.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.market.negotiation import NegotiationState
from domain.market.policy import MINUTE, MarketPolicy
from domain.market.states import InboxType, Party

_FAR_SECONDS = 30 * MINUTE


@dataclass(frozen=True, slots=True)
class Reminder:
    """Who is told, in which words, and until when it has."""

    party: Party
    type: InboxType
    due_at: datetime


def reminder_date(since: datetime, until: datetime, share: float) -> datetime:
    """When to remind of ``until``: after this share of the time that was given."""
    return since + (until - since) * share


def may_wait_for_sweep(policy: MarketPolicy) -> bool:
    """Whether an open question's dates may be left to the sweep, which finds them some seconds late.

    A question moves no score before its dates, and most are answered by then: telling the store's trust of each
    would be a fold of nothing.
    """
    return policy.reply_deadline_seconds * policy.reply_reminder_share >= _FAR_SECONDS


def decide_offer_reminder(state: NegotiationState, now: datetime) -> Reminder | None:
    """The reminder that has come due: of an answer to the one who owes it, of a purchase to the buyer."""
    latest = state.latest
    if latest.remind_at is None or now < latest.remind_at:
        return None
    if state.standing is not None and now < latest.expires_at:
        return Reminder(latest.proposed_by.other, InboxType.OFFER_EXPIRING_SOON, latest.expires_at)
    if state.held is not None and latest.purchase_by is not None and now < latest.purchase_by:
        return Reminder(Party.BUYER, InboxType.HOLD_LAPSING_SOON, latest.purchase_by)
    return None


def next_offer_date(state: NegotiationState) -> datetime | None:
    """When time next changes a negotiation: a reminder, else the expiry or the end of the hold; None when over."""
    latest = state.latest
    if state.standing is not None:
        return next_date(latest.remind_at, latest.expires_at)
    if state.held is not None:
        return next_date(latest.remind_at, latest.purchase_by)
    return None


def next_date(*dates: datetime | None) -> datetime | None:
    """The earliest: of the reminders that are still to come, and of the dates they are about."""
    return min((date for date in dates if date is not None), default=None)
