"""The market's processes in words for operators."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.platform.parts import ProcessStory, Step
from api.web.words import REASONS, signed
from db.market.reads_trust import list_trust_events
from db.market.tables import TrustEvent
from db.market.views import list_rounds
from db.market.watch_pages import list_order_events
from db.platform.transactions import Transaction

_STEPS = 100


async def _negotiation(session: AsyncSession, entity: UUID, row: Mapping[str, Any]) -> list[Step]:
    story: list[Step] = []
    for offer in await list_rounds(session, entity):
        who = "buyer" if offer["proposed_by"] == "BUYER" else "merchant"
        turn = "made an offer" if offer["round"] == 1 else "answered with an offer of its own"
        story.append((offer["created_at"], f"Round {offer['round']}: the {who} {turn}", None))
        for column, words in (
            ("accepted_at", "was accepted; its stock is held"),
            ("rejected_at", "was declined"),
        ):
            if offer[column]:
                story.append((offer[column], f"The offer of round {offer['round']} {words}", None))
        if offer["closed_at"] and not offer["rejected_at"]:
            why = (offer["close_reason"] or offer["status"]).replace("_", " ").lower()
            story.append((offer["closed_at"], f"The offer of round {offer['round']} ended: {why}", None))
    if row["closed_at"]:
        why = (row["close_reason"] or row["status"]).replace("_", " ").lower()
        story.append((row["closed_at"], f"The negotiation ended: {why}", None))
    return sorted(story, key=lambda entry: entry[0])


async def _list_rounds(session: AsyncSession, entity: UUID) -> Sequence[UUID]:
    return [offer["offer_id"] for offer in await list_rounds(session, entity)]


_ORDER_STEPS = (
    ("placed_at", "The order was placed"),
    ("paid_at", "It is known to be paid"),
    ("reminded_at", "The merchant was reminded to deliver"),
    ("delivered_at", "The merchant delivered; the review window and the return window opened"),
    ("refund_requested_at", "The buyer asked for its money back"),
    ("refund_declined_at", "The merchant declined to pay back"),
    ("appealed_at", "The buyer appealed to the operators"),
    ("appeal_declined_at", "The appeal was not granted"),
)


async def _order(session: AsyncSession, entity: UUID, row: Mapping[str, Any]) -> list[Step]:
    story: list[Step] = [(row[name], words, None) for name, words in _ORDER_STEPS if row[name]]
    if row["refunded_at"]:
        why = row["refund_reason"].replace("_", " ").lower()
        story.append((row["refunded_at"], f"The order was paid back: {why}", None))
    elif row["closed_at"]:
        story.append((row["closed_at"], "The return window closed", None))
    reviews = [
        event for event in await list_order_events(await Transaction.of(session), entity) if event.review_id is not None
    ]
    story += [(event.created_at, "The buyer reviewed it", f"/threads/{event.thread_id}") for event in reviews]
    return sorted(story, key=lambda entry: entry[0])


async def _review_window(_: AsyncSession, entity: UUID, row: Mapping[str, Any]) -> list[Step]:
    story: list[Step] = [(row["opened_at"], "The review window opened", f"/orders/{entity}")]
    if row["closed_at"]:
        story.append((row["closed_at"], f"It ended: {row['status'].lower()}", None))
    return story


async def _store_trust(session: AsyncSession, entity: UUID, _: Mapping[str, Any]) -> list[Step]:
    steps = await list_trust_events(await Transaction.of(session), entity, None, _STEPS, newest_first=True)
    return [(step.timestamp, _step(step), f"/stores/{entity}#t-{step.sequence}") for step in reversed(steps)]


def _step(step: TrustEvent) -> str:
    moved = signed(step.overall_after_milli - step.overall_before_milli)
    told = f"Step {step.sequence}: {REASONS[step.reason]} ({step.component.value})"
    return f"{told}, {moved} to {step.overall_after_milli / 1000:.3f}"


STORIES = {
    "negotiation": ProcessStory(_negotiation, _list_rounds),
    "order": ProcessStory(_order),
    "review-window": ProcessStory(_review_window),
    "store-trust": ProcessStory(_store_trust),
}
