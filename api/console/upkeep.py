"""What operators and external schedulers may start: a sweep, an audit. Operator keys only."""

from fastapi import APIRouter
from starlette.responses import Response

from api.console.actions import Wish
from api.console.actions import expire_offers as expire
from api.context import Context
from api.errors import errors as refusals
from api.platform.auth import AnOperator
from api.platform.idempotency import CommandDep
from api.platform.schemas import Note, RequestModel, ResponseModel, example
from domain.platform.errors import OPERATOR_REQUIRED
from domain.platform.messages import SweepReport

router = APIRouter(prefix="/v1/operations", tags=["operations"])


class ExpireIn(RequestModel):
    """Why, for the operators' log."""

    reason: Note
    model_config = example({"reason": "Ticket 812: offers stand past their date"})


class SweepOut(ResponseModel):
    """How many processes were overdue and woken, and how many rows were tidied.

    ``woken``: by the first part of their ids. ``tidied``: by task. ``unanswered``: those told of a command whose answer
    was never kept.
    """

    woken: dict[str, int]
    tidied: dict[str, int]
    unanswered: int
    model_config = {
        **ResponseModel.model_config,
        **example({"woken": {"negotiation": 2, "order": 0}, "tidied": {"rows_purged": 12}, "unanswered": 0}),
    }


class FindingOut(ResponseModel):
    """One invariant: how many breaches, and the first few."""

    model_config = {
        **ResponseModel.model_config,
        **example({"invariant": 3, "name": "every order has gating evidence", "breaches": 0, "examples": []}),
    }

    invariant: int
    name: str
    breaches: int
    examples: list[str]


class AuditOut(ResponseModel):
    sound: bool
    findings: list[FindingOut]


@router.post("/expire-offers", response_model=SweepOut, responses=refusals(OPERATOR_REQUIRED))
async def expire_offers(
    operator: AnOperator, command: CommandDep, context: Context, body: ExpireIn | None = None
) -> Response:
    """Wake every process whose date has passed, now. As the schedule does; safe to repeat and to overlap."""
    reason = body.reason if body else "no reason given"

    async with command.begin():
        await command.commit()
        report: SweepReport = await expire(Wish(context, operator.key_id, reason, command.command_id))
        return await command.answer(SweepOut.model_validate(report))


@router.post("/audit", response_model=AuditOut, responses=refusals(OPERATOR_REQUIRED))
async def audit_market(_: AnOperator, command: CommandDep, context: Context) -> Response:
    """Check the market's invariants. Takes time on a large market."""
    async with command.begin():
        await command.commit()
        findings = (await context.upkeep.audit(command.command_id)).findings
        sound = not any(found.breaches for found in findings)
        shown = [FindingOut.model_validate(found) for found in findings]
        return await command.answer(AuditOut(sound=sound, findings=shown))
