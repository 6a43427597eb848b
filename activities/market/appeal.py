"""Activities of the Order process about an appeal: the buyer makes it, the operators decide it, or time does."""

from datetime import timedelta

from activities.market.order_case import OrderCase, load_order
from db.platform.commands import insert_command
from db.platform.database import Database
from db.platform.keys import insert_audit_entry
from domain.market.appeals import decide_appeal, decide_appeal_decision
from domain.market.commands import AppealDecision, AppealRefund, OrderSnapshot, OrderStart
from domain.market.states import AppealOutcome, InboxType, RefundReason


class Appeals:
    """Part of the real order activities."""

    _database: Database

    async def appeal_refund(self, start: OrderStart, command: AppealRefund) -> OrderSnapshot:
        async with self._database.transaction() as transaction:
            case = await load_order(transaction, start, command.command_id)
            if not case.done:
                case.require_buyer(command.by_agent_id)
                decide_appeal(case.state, case.now)
                due_at = case.now + timedelta(seconds=start.policy.appeal_answer_seconds)
                case.change(appealed_at=case.now, appeal_reason=command.reason, appeal_due_at=due_at)
                case.tell(case.seller_id, InboxType.APPEAL_MADE, due_at=due_at)
                insert_command(transaction, command)
            return case.snapshot()

    async def decide_appeal(self, start: OrderStart, command: AppealDecision) -> OrderSnapshot:
        async with self._database.transaction() as transaction:
            case = await load_order(transaction, start, command.command_id)
            if not case.done:
                decide_appeal_decision(case.state, case.now)
                if command.grant:
                    await case.refund(RefundReason.APPEAL_GRANTED, goods_return=command.goods_returned)
                else:
                    decline_appeal(case, AppealOutcome.DECLINED)
                meta: dict[str, int | str] = {"entity": str(start.order_id)}
                action = "order.appeal_granted" if command.grant else "order.appeal_declined"
                insert_audit_entry(transaction, command.command_id, command.key_id, action, command.reason, meta)
                insert_command(transaction, command)
            return case.snapshot()


def decline_appeal(case: OrderCase, outcome: AppealOutcome) -> None:
    """The decline stays, and both parties hear whether it was decided or only not granted in time."""
    case.change(appeal_declined_at=case.now)
    for agent_id in case.parties:
        case.tell(agent_id, InboxType.APPEAL_DECLINED, outcome)
