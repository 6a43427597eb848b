"""The console's reads and actions as operator routes: nothing the console does is missing here."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.console import actions
from api.console.attention import get_attention
from api.console.processes import get_process
from api.console.schemas import (
    AUDIT_ENTRY,
    AppealDecisionIn,
    AttentionItemOut,
    AttentionOut,
    AuditEntryOut,
    DoneOut,
    OutageOut,
    ProcessOut,
    QueueOut,
    ReasonIn,
    RefundIn,
    StepOut,
    TermsOut,
    WorkflowOut,
)
from api.context import AppContext, Context
from api.errors import errors as refusals
from api.platform.auth import AnOperator, Operator
from api.platform.csv_export import CsvPaging, CsvQuery, documented_csv
from api.platform.idempotency import CommandDep
from api.platform.idempotency_keys import KeyHeader
from api.platform.pages import Page, PageQuery
from db.platform import console
from db.platform.tables import OperatorAuditEntry
from domain.market import errors
from domain.platform.errors import BAD_CURSOR, KEY_NOT_FOUND, OPERATOR_REQUIRED, ROUTE_NOT_FOUND

router = APIRouter(prefix="/v1/operations", tags=["operations"])


async def _carry_out(
    operator: Operator,
    command: CommandDep,
    context: AppContext,
    reason: str,
    work: Callable[[actions.Wish], Awaitable[str | None]],
) -> Response:
    async with command.begin():
        await command.commit()
        trouble = await work(actions.Wish(context, operator.key_id, reason, command.command_id))
        return await command.answer(DoneOut(audit_id=command.command_id, trouble=trouble))


@router.get("/attention", responses=refusals(OPERATOR_REQUIRED))
async def show_attention(operator: AnOperator, context: Context) -> AttentionOut:
    """What is stuck, late, failing or about to lapse, and the action that helps."""
    found = await get_attention(context, operator.key_id)
    return AttentionOut(
        verdict=found.verdict,
        temporal=found.temporal,
        queues=[
            QueueOut(
                queue=queue.queue,
                served=queue.served,
                last_beat=queue.last_beat,
                waiting=queue.waiting,
                oldest_seconds=queue.oldest.total_seconds(),
                trouble=queue.trouble,
            )
            for queue in found.queues
        ],
        outages=[OutageOut.model_validate(dict(row)) for row in found.outages],
        items=[AttentionItemOut.model_validate(item) for item in found.items],
    )


@router.get("/processes/{kind}/{id}", responses=refusals(OPERATOR_REQUIRED, ROUTE_NOT_FOUND))
async def show_process(kind: str, id: UUID, operator: AnOperator, context: Context) -> ProcessOut:
    """One process without its terms or address. ``kind`` is the first part of its id, such as order."""
    found = await get_process(context, operator.key_id, kind, id)
    return ProcessOut(
        kind=found.kind,
        id=found.id,
        open=found.open,
        projection=dict(found.projection),
        story=[StepOut(at=at, what=what) for at, what, _ in found.story],
        workflow=WorkflowOut.model_validate(found.workflow),
        differences=found.differences,
        trouble=found.trouble,
    )


def entry_out(row: tuple[OperatorAuditEntry, str]) -> AuditEntryOut:
    """An entry of the operators' log with the label of its key."""
    entry, operator = row
    own = {name: getattr(entry, name) for name in AuditEntryOut.model_fields if name != "operator"}
    return AuditEntryOut(**own, operator=operator)


def audit_csv(paging: CsvPaging, rows: Sequence[tuple[OperatorAuditEntry, str]]) -> Response:
    """The operators' log as CSV, newest first."""
    return paging.csv(
        "audit-log",
        AuditEntryOut.model_fields,
        rows,
        lambda row: entry_out(row).model_dump(),
        lambda row: (row[0].audit_id,),
    )


@router.get(
    "/audit-log.csv",
    response_class=Response,
    responses=documented_csv(AuditEntryOut.model_fields, AUDIT_ENTRY) | refusals(OPERATOR_REQUIRED, BAD_CURSOR),
)
async def export_audit_log(_: AnOperator, context: Context, paging: CsvQuery) -> Response:
    """What operators did and why as CSV, newest first. After ``limit`` rows go on with the cursor of the last one."""
    before = paging.after(UUID)
    async with context.database.transaction() as transaction:
        rows = await console.list_audit(transaction, before[0] if before else None, paging.limit)
    return audit_csv(paging, rows)


@router.get("/audit-log", responses=refusals(OPERATOR_REQUIRED, BAD_CURSOR))
async def list_audit_log(_: AnOperator, context: Context, paging: PageQuery) -> Page[AuditEntryOut]:
    """What operators did and why, newest first."""
    before = paging.after(UUID)
    async with context.database.transaction() as transaction:
        rows = await console.list_audit(transaction, before[0] if before else None, paging.limit + 1)
    return paging.page(rows, entry_out, lambda row: (row[0].audit_id,))


@router.post(
    "/orders/{order_id}/cancel",
    response_model=DoneOut,
    responses=refusals(OPERATOR_REQUIRED, errors.ORDER_NOT_FOUND, errors.ORDER_NOT_PLACED, errors.ORDER_REFUNDED),
)
async def cancel_order_as_operator(
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
async def refund_order_as_operator(
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
async def revoke_any_key(
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
async def wake_process(
    kind: str, id: UUID, body: ReasonIn, operator: AnOperator, command: CommandDep, context: Context
) -> Response:
    """Tell one process to look again; one that is gone starts anew from its projection."""
    return await _carry_out(operator, command, context, body.reason, lambda wish: actions.wake_up(wish, kind, id))


@router.post("/terms/{id}/reveal", responses=refusals(OPERATOR_REQUIRED, ROUTE_NOT_FOUND))
async def reveal_terms(
    id: UUID, body: ReasonIn, operator: AnOperator, context: Context, _: KeyHeader = None
) -> TermsOut:
    """The terms of a negotiation or an order. The reason is on record before anything is shown.

    A repetition with the same key is another look: it is logged again, and no answer is stored anywhere.
    """
    return TermsOut.model_validate(await actions.reveal_terms(context, operator.key_id, body.reason, id))
