"""What the console's routes take and give."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field, StrictBool

from api.market.views import NOW, uid
from api.platform.schemas import Reason, RequestModel, ResponseModel, example


class ReasonIn(RequestModel):
    reason: Reason = Field(description="kept in the operators' log")
    model_config = example({"reason": "Ticket 812: the seller went away"})


class RefundIn(ReasonIn):
    goods_returned: bool = False
    model_config = example({"reason": "Ticket 812: the parcel was empty", "goods_returned": False})


class AppealDecisionIn(ReasonIn):
    """``goods_returned``: the goods came back to the merchant, so the stock returns."""

    grant: StrictBool
    goods_returned: StrictBool = False
    model_config = example({"reason": "Ticket 812: the pictures show it", "grant": True, "goods_returned": False})


class DoneOut(ResponseModel):
    """The action was carried out. ``audit_id`` is its entry in the operators' log.

    ``trouble``: the process was told, but nobody serves its queue, so that nothing has come of it yet.
    """

    audit_id: UUID
    trouble: str | None = None
    model_config = example({"audit_id": uid(0x90), "trouble": None})


class AttentionItemOut(ResponseModel):
    why: str
    kind: str
    id: UUID
    store_id: UUID | None
    waits_for: str
    since: datetime | None
    action: str | None
    help: str


class QueueOut(ResponseModel):
    """A task queue. ``trouble``: why what waits in it does not go on; null where workers serve it in time."""

    queue: str
    served: bool
    last_beat: datetime | None
    waiting: int
    oldest_seconds: float
    trouble: str | None


class OutageOut(ResponseModel):
    """A time in which a part of the market was away; dates that parties could not keep were extended by it."""

    part: str
    began_at: datetime
    ended_at: datetime


class AttentionOut(ResponseModel):
    """``temporal`` is false when Temporal did not answer: then queues and failing processes are not listed."""

    verdict: str
    temporal: bool
    queues: list[QueueOut]
    outages: list[OutageOut]
    items: list[AttentionItemOut]
    model_config = {
        **ResponseModel.model_config,
        **example(
            {
                "verdict": "1 thing needs attention: 1 overdue.",
                "temporal": True,
                "queues": [
                    {
                        "queue": "souk-market", "served": True, "last_beat": NOW, "waiting": 0, "oldest_seconds": 0.0,
                        "trouble": None,
                    }
                ],
                "outages": [{"part": "souk-market", "began_at": NOW, "ended_at": NOW}],
                "items": [
                    {
                        "why": "overdue", "kind": "order", "id": uid(0x66), "store_id": uid(0x20),
                        "waits_for": "the merchant's delivery", "since": NOW, "action": "wake", "help": "Wake it.",
                    }
                ],
            }
        ),
    }  # fmt: skip


class StepOut(ResponseModel):
    at: datetime
    what: str


class WorkflowOut(ResponseModel):
    reached: bool
    found: bool
    running: bool
    status: str
    state: str | None
    started: datetime | None
    events: int
    pending: list[str]
    link: str | None


class ProcessOut(ResponseModel):
    """A process without any term: its row, its story, its workflow, where they differ, and why it does not go on."""

    kind: str
    id: UUID
    open: bool
    projection: dict[str, Any]
    story: list[StepOut]
    workflow: WorkflowOut
    differences: list[str]
    trouble: str | None
    model_config = {
        **ResponseModel.model_config,
        **example(
            {
                "kind": "order", "id": uid(0x66), "open": True,
                "projection": {"order_id": uid(0x66), "status": "PLACED"},
                "story": [{"at": NOW, "what": "The order was placed"}],
                "workflow": {
                    "reached": True, "found": True, "running": True, "status": "running", "state": "PLACED",
                    "started": NOW, "events": 12, "pending": [], "link": None,
                },
                "differences": [],
                "trouble": None,
            }
        ),
    }  # fmt: skip


AUDIT_ENTRY = {
    "audit_id": uid(0x90), "key_id": uid(0x91), "operator": "Ada", "action": "store.close",
    "reason": "Ticket 812", "meta": {"entity": uid(0x20)}, "created_at": NOW,
}  # fmt: skip


class AuditEntryOut(ResponseModel):
    audit_id: UUID
    key_id: UUID
    operator: str
    action: str
    reason: str
    meta: dict[str, Any]
    created_at: datetime
    model_config = example(AUDIT_ENTRY)


class TermsOut(ResponseModel):
    """What was revealed: the offers' rounds and, for an order, its price."""

    offers: list[dict[str, Any]]
    order: dict[str, Any] | None
    model_config = example(
        {"offers": [{"round": 1, "proposed_by": "BUYER", "proposed_price_cents": 1800, "quantity": 1}], "order": None}
    )
