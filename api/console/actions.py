"""What an operator may do, each with a reason that lands in the operators' log.

The log's entry is written in the transaction that acts, or, where a process is only told to look again, before
it is told. The command's id is the entry's id, so a repeated request is done and logged once.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api.console.processes import find_trouble, find_view, wake_process
from api.context import AppContext
from api.market import nudges
from db.market import operators
from db.market.stores import update_store
from db.market.tables import Message, Store
from db.platform import console
from db.platform.ids import new_id
from db.platform.keys import revoke_any_key
from db.platform.transactions import Transaction
from domain.market.commands import AppealDecision, OperatorRefund
from domain.market.errors import (
    MESSAGE_HIDDEN,
    MESSAGE_NOT_FOUND,
    MESSAGE_NOT_HIDDEN,
    ORDER_NOT_FOUND,
    STORE_NOT_FOUND,
)
from domain.market.states import StoreStatus
from domain.platform.errors import KEY_NOT_FOUND, ROUTE_NOT_FOUND
from domain.platform.messages import SweepReport


@dataclass(frozen=True, slots=True)
class Wish:
    """An operator's wish: who, why, and the id under which it is done once."""

    context: AppContext
    key_id: UUID
    reason: str
    command_id: UUID

    async def log(self, action: str, **meta: str) -> None:
        async with self.context.database.transaction() as transaction:
            await console.log_once(transaction, self.command_id, self.key_id, action, self.reason, {**meta})


async def pay_back(wish: Wish, order_id: UUID, *, cancel: bool, goods_returned: bool = False) -> None:
    """Cancel before delivery or refund after it, through the Order process, which writes the log's entry."""
    async with wish.context.database.session() as session:
        await console.name_operator(session, wish.key_id)
        row = await console.get_projection(session, wish.context.specs.rows.views["order"], order_id)
    if row is None:
        raise ORDER_NOT_FOUND.error()
    command = OperatorRefund(
        command_id=wish.command_id,
        order_id=order_id,
        key_id=wish.key_id,
        reason=wish.reason,
        cancel=cancel,
        goods_returned=goods_returned,
    )
    await wish.context.processes.send(command, listing_id=row["listing_id"], store_id=row["store_id"])


async def decide_appeal(wish: Wish, order_id: UUID, *, grant: bool, goods_returned: bool = False) -> None:
    """Grant or decline a buyer's appeal, through the Order process, which writes the log's entry."""
    async with wish.context.database.session() as session:
        await console.name_operator(session, wish.key_id)
        row = await console.get_projection(session, wish.context.specs.rows.views["order"], order_id)
    if row is None:
        raise ORDER_NOT_FOUND.error()
    command = AppealDecision(
        command_id=wish.command_id,
        order_id=order_id,
        key_id=wish.key_id,
        reason=wish.reason,
        grant=grant,
        goods_returned=goods_returned,
    )
    await wish.context.processes.send(command, listing_id=row["listing_id"], store_id=row["store_id"])


async def wake_up(wish: Wish, kind: str, entity: UUID) -> str | None:
    """Tell one process to look again. Returns why nothing comes of it yet, if so. Raises request.not_found."""
    find_view(wish.context, kind)
    await wish.log("trust.nudge" if kind == "store-trust" else "process.wake", entity=str(entity), kind=kind)
    await wake_process(wish.context, wish.key_id, kind, entity)
    return await find_trouble(wish.context, kind)


async def close_store(wish: Wish, store_id: UUID) -> None:
    """Close a store for good; its standing offers are cancelled. Raises store.closed when it is closed."""
    async with wish.context.database.session() as session:
        transaction = await Transaction.of(session)
        store = await transaction.get(Store, store_id)
        if store is None:
            raise STORE_NOT_FOUND.error()
        entry: dict[str, int | str] = {"entity": str(store_id)}
        if await console.log_once(transaction, wish.command_id, wish.key_id, "store.close", wish.reason, entry):
            await update_store(transaction, store_id, store.owner_merchant_id, {"status": StoreStatus.CLOSED})
    await nudges.negotiations_in_store(wish.context, store_id)


async def hide_message(wish: Wish, message_id: UUID, *, hide: bool) -> None:
    """Put a note in the place of a message's words, or show them again. What followed from them stays as it is.

    Raises message.not_found, message.hidden, message.not_hidden.
    """
    async with wish.context.database.session() as session:
        if await (await Transaction.of(session)).get(Message, message_id) is None:
            raise MESSAGE_NOT_FOUND.error()
        await console.name_operator(session, wish.key_id)
        action, entry = "message.hide" if hide else "message.show", {"entity": str(message_id)}
        if not await console.log_once(
            await Transaction.of(session), wish.command_id, wish.key_id, action, wish.reason, {**entry}
        ):
            return
        if not await operators.hide_message(session, wish.command_id, message_id, hide=hide):
            raise (MESSAGE_HIDDEN if hide else MESSAGE_NOT_HIDDEN).error()


async def revoke_key(wish: Wish, key_id: UUID) -> None:
    """Revoke an agent's or an operator's key. Raises auth.key_not_found."""
    async with wish.context.database.transaction() as transaction:
        if not await revoke_any_key(transaction, key_id):
            raise KEY_NOT_FOUND.error("There is no such key.")
        entry: dict[str, int | str] = {"entity": str(key_id)}
        await console.log_once(transaction, wish.command_id, wish.key_id, "key.revoke", wish.reason, entry)


async def expire_offers(wish: Wish) -> SweepReport:
    """Wake everything whose date has passed, now."""
    await wish.log("offers.expire")
    return await wish.context.upkeep.sweep(wish.command_id)


async def reveal_terms(context: AppContext, key_id: UUID, reason: str, entity: UUID) -> dict[str, Any]:
    """The terms of a negotiation or an order. Every look is an entry of its own; none is kept for a repetition."""
    audit_id = new_id()
    async with context.database.session() as session:
        await console.name_operator(session, key_id)
        views = [context.specs.rows.views[kind] for kind in ("negotiation", "order")]
        if not any([await console.get_projection(session, view, entity) for view in views]):
            raise ROUTE_NOT_FOUND.error()
        await console.log_once(
            await Transaction.of(session), audit_id, key_id, "terms.reveal", reason, {"entity": str(entity)}
        )
        return await operators.reveal_terms(session, audit_id, entity)
