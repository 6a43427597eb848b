"""The console's reads and actions as operator routes: nothing the console does is missing here."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field, StrictBool, StringConstraints
from starlette.responses import Response

from api.console import actions
from api.console.attention import get_attention
from api.console.processes import get_process
from api.context import AppContext, Context
from api.errors import errors as refusals
from api.market.views import NOW, uid
from api.platform.auth import AnOperator, Operator
from api.platform.idempotency import CommandDep, Run
from api.platform.idempotency_keys import KeyHeader
from api.platform.pages import Page, PageQuery
from api.platform.schemas import RequestModel, ResponseModel, example
from db.platform import console
from domain.market import errors
from domain.platform_errors import BAD_CURSOR, KEY_NOT_FOUND, OPERATOR_REQUIRED, ROUTE_NOT_FOUND

router = APIRouter(prefix="/v1/operations", tags=["operations"])

Reason = Annotated[str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True)]


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
    """The action was carried out. ``audit_id`` is its entry in the operators' log."""

    audit_id: UUID
    model_config = example({"audit_id": uid(0x90)})


class AttentionItemOut(ResponseModel):
    why: str
    kind: str
    id: UUID
    store_id: UUID | None
    waits_for: str
    since: datetime | None
    action: str | None
    help: str


class AttentionOut(ResponseModel):
    """``temporal`` is false when Temporal did not answer: then failing processes are not listed."""

    temporal: bool
    items: list[AttentionItemOut]
    model_config = {
        **ResponseModel.model_config,
        **example(
            {
                "temporal": True,
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
    """A process without any term: its row, its story, its workflow, and where they differ."""

    kind: str
    id: UUID
    open: bool
    projection: dict[str, Any]
    story: list[StepOut]
    workflow: WorkflowOut
    differences: list[str]
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
            }
        ),
    }  # fmt: skip


class AuditEntryOut(ResponseModel):
    audit_id: UUID
    key_id: UUID
    operator: str
    action: str
    reason: str
    meta: dict[str, Any]
    created_at: datetime
    model_config = example(
        {
            "audit_id": uid(0x90), "key_id": uid(0x91), "operator": "Ada", "action": "store.close",
            "reason": "Ticket 812", "meta": {"entity": uid(0x20)}, "created_at": NOW,
        }
    )  # fmt: skip


class TermsOut(ResponseModel):
    """What was revealed: the offers' rounds and, for an order, its price."""

    offers: list[dict[str, Any]]
    order: dict[str, Any] | None
    model_config = example(
        {"offers": [{"round": 1, "proposed_by": "BUYER", "proposed_price_cents": 1800, "quantity": 1}], "order": None}
    )


async def _carry_out(
    operator: Operator,
    command: CommandDep,
    context: AppContext,
    reason: str,
    work: Callable[[actions.Wish], Awaitable[object]],
) -> Response:
    async def act(run: Run) -> DoneOut:
        await work(actions.Wish(context, operator.key_id, reason, run.command_id))
        return DoneOut(audit_id=run.command_id)

    return await command.run(act)


@router.get("/attention", responses=refusals(OPERATOR_REQUIRED))
async def attention(operator: AnOperator, context: Context) -> AttentionOut:
    """What is stuck, late, failing or about to lapse, and the action that helps."""
    found = await get_attention(context, operator.key_id)
    return AttentionOut(temporal=found.temporal, items=[AttentionItemOut.model_validate(item) for item in found.items])


@router.get("/processes/{kind}/{id}", responses=refusals(OPERATOR_REQUIRED, ROUTE_NOT_FOUND))
async def process(kind: str, id: UUID, operator: AnOperator, context: Context) -> ProcessOut:
    """One process (negotiation, order, review-window, store-trust, webhook, checkout) without its terms or address."""
    found = await get_process(context, operator.key_id, kind, id)
    return ProcessOut(
        kind=found.kind,
        id=found.id,
        open=found.open,
        projection=dict(found.projection),
        story=[StepOut(at=at, what=what) for at, what, _ in found.story],
        workflow=WorkflowOut.model_validate(found.workflow),
        differences=found.differences,
    )


@router.get("/audit-log", responses=refusals(OPERATOR_REQUIRED, BAD_CURSOR))
async def audit_log(_: AnOperator, context: Context, paging: PageQuery) -> Page[AuditEntryOut]:
    """What operators did and why, newest first."""
    before = paging.after(UUID)
    async with context.database.transaction() as session:
        rows = await console.list_audit(session, before[0] if before else None, paging.limit + 1)
    return paging.page(
        rows,
        lambda row: AuditEntryOut(
            **{name: getattr(row[0], name) for name in AuditEntryOut.model_fields if name != "operator"},
            operator=row[1],
        ),
        lambda row: (row[0].audit_id,),
    )


@router.post(
    "/orders/{order_id}/cancel",
    response_model=DoneOut,
    responses=refusals(OPERATOR_REQUIRED, errors.ORDER_NOT_FOUND, errors.ORDER_NOT_PLACED, errors.ORDER_REFUNDED),
)
async def cancel(
    order_id: UUID, body: ReasonIn, operator: AnOperator, command: CommandDep, context: Context
) -> Response:
    """Cancel an order before its delivery: paid back, and the stock returns."""

    async def work(wish: actions.Wish) -> None:
        await actions.pay_back(wish, order_id, cancel=True)

    return await _carry_out(operator, command, context, body.reason, work)


@router.post(
    "/orders/{order_id}/refund",
    response_model=DoneOut,
    responses=refusals(OPERATOR_REQUIRED, errors.ORDER_NOT_FOUND, errors.ORDER_NOT_DELIVERED, errors.ORDER_REFUNDED),
)
async def refund(
    order_id: UUID, body: RefundIn, operator: AnOperator, command: CommandDep, context: Context
) -> Response:
    """Pay back a delivered order, within its return window or after it."""

    async def work(wish: actions.Wish) -> None:
        await actions.pay_back(wish, order_id, cancel=False, goods_returned=body.goods_returned)

    return await _carry_out(operator, command, context, body.reason, work)


@router.post(
    "/orders/{order_id}/appeal-decision",
    response_model=DoneOut,
    responses=refusals(
        OPERATOR_REQUIRED,
        errors.ORDER_NOT_FOUND,
        errors.ORDER_REFUNDED,
        errors.NO_APPEAL,
        errors.APPEAL_DECISION_LATE,
    ),
)
async def decide_appeal(
    order_id: UUID, body: AppealDecisionIn, operator: AnOperator, command: CommandDep, context: Context
) -> Response:
    """Decide a buyer's appeal against a declined refund: granted, it is paid back; both parties hear of it.

    What they wrote is shown by POST /v1/operations/terms/{id}/reveal, for a reason.
    """

    async def work(wish: actions.Wish) -> None:
        await actions.decide_appeal(wish, order_id, grant=body.grant, goods_returned=body.goods_returned)

    return await _carry_out(operator, command, context, body.reason, work)


@router.post(
    "/stores/{store_id}/close",
    response_model=DoneOut,
    responses=refusals(OPERATOR_REQUIRED, errors.STORE_NOT_FOUND, errors.STORE_CLOSED),
)
async def close_store(
    store_id: UUID, body: ReasonIn, operator: AnOperator, command: CommandDep, context: Context
) -> Response:
    """Close a store for good. Its standing offers are cancelled; orders under way go on."""
    return await _carry_out(operator, command, context, body.reason, lambda wish: actions.close_store(wish, store_id))


@router.post(
    "/messages/{message_id}/hide",
    response_model=DoneOut,
    responses=refusals(OPERATOR_REQUIRED, errors.MESSAGE_NOT_FOUND, errors.MESSAGE_HIDDEN),
)
async def hide_message(
    message_id: UUID, body: ReasonIn, operator: AnOperator, command: CommandDep, context: Context
) -> Response:
    """Take a message's words (a review's, too) from everybody's sight. Evidence and trust stay as they are."""
    return await _carry_out(
        operator, command, context, body.reason, lambda wish: actions.hide_message(wish, message_id, hide=True)
    )


@router.post(
    "/messages/{message_id}/show",
    response_model=DoneOut,
    responses=refusals(OPERATOR_REQUIRED, errors.MESSAGE_NOT_FOUND, errors.MESSAGE_NOT_HIDDEN),
)
async def show_message(
    message_id: UUID, body: ReasonIn, operator: AnOperator, command: CommandDep, context: Context
) -> Response:
    """Show a hidden message again, as it was."""
    return await _carry_out(
        operator, command, context, body.reason, lambda wish: actions.hide_message(wish, message_id, hide=False)
    )


@router.post("/keys/{key_id}/revoke", response_model=DoneOut, responses=refusals(OPERATOR_REQUIRED, KEY_NOT_FOUND))
async def revoke_key(
    key_id: UUID, body: ReasonIn, operator: AnOperator, command: CommandDep, context: Context
) -> Response:
    """Revoke any key, an agent's or an operator's. The id is the part of a key after ``souk_``."""
    return await _carry_out(operator, command, context, body.reason, lambda wish: actions.revoke_key(wish, key_id))


@router.post(
    "/stores/{store_id}/nudge-trust", response_model=DoneOut, responses=refusals(OPERATOR_REQUIRED, ROUTE_NOT_FOUND)
)
async def nudge_trust(
    store_id: UUID, body: ReasonIn, operator: AnOperator, command: CommandDep, context: Context
) -> Response:
    """Have a store's trust fold what waits, now."""
    return await _carry_out(
        operator, command, context, body.reason, lambda wish: actions.wake_up(wish, "store-trust", store_id)
    )


@router.post(
    "/processes/{kind}/{id}/wake", response_model=DoneOut, responses=refusals(OPERATOR_REQUIRED, ROUTE_NOT_FOUND)
)
async def wake(
    kind: str, id: UUID, body: ReasonIn, operator: AnOperator, command: CommandDep, context: Context
) -> Response:
    """Tell one process to look again; one that is gone starts anew from its projection."""
    return await _carry_out(operator, command, context, body.reason, lambda wish: actions.wake_up(wish, kind, id))


@router.post("/terms/{id}/reveal", responses=refusals(OPERATOR_REQUIRED, ROUTE_NOT_FOUND))
async def reveal(id: UUID, body: ReasonIn, operator: AnOperator, context: Context, _: KeyHeader = None) -> TermsOut:
    """The terms of a negotiation or an order. The reason is on record before anything is shown.

    A repetition with the same key is another look: it is logged again, and no answer is stored anywhere.
    """
    return TermsOut.model_validate(await actions.reveal_terms(context, operator.key_id, body.reason, id))
