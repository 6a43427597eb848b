"""The console: pages for an operator who is signed in. What they show and do comes from the operator routes' code.

Nothing of it is kept by a browser or a proxy. A form is confirmed by its reason and checked for its origin.
"""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from activities.platform.serving import HELP
from api.console import actions, figures, session
from api.console.attention import get_attention
from api.console.processes import get_process
from api.console.routes import audit_csv
from api.context import Context
from api.platform import codec
from api.platform.auth import Operator
from api.platform.csv_export import CsvQuery
from api.platform.schemas import Reason
from api.web.rendering import PageRoute, page
from db.market.reads_catalog import get_store
from db.market.tables import Agent, Message
from db.platform import console
from db.platform.ids import new_id
from db.platform.keys import insert_audit_entry, list_keys
from db.platform.transactions import Transaction
from domain.platform.cursors import decode_cursor, encode_cursor
from domain.platform.errors import ROUTE_NOT_FOUND, DomainError


class ConsoleRoute(PageRoute):
    """A page for operators: whoever is not signed in gets the form, and no answer is stored anywhere."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        plain = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                answer = await plain(request)
            except session.SignInNeededError:
                answer = RedirectResponse("/console/sign-in", 303)
            answer.headers["Cache-Control"] = "no-store"
            return answer

        return handler


router = APIRouter(prefix="/console", route_class=ConsoleRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Deed:
    """An action as the console offers it. ``target``: what its id names, None where it needs none.

    ``work`` answers why nothing comes of it yet, or with nothing.
    """

    title: str
    warning: str
    target: str | None
    work: Callable[[actions.Wish, str], Awaitable[str | None]]


def _process(text: str) -> tuple[str, UUID]:
    kind, _, entity = text.partition("/")
    return kind, _id(entity)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ROUTE_NOT_FOUND.error("This is not an id.") from None


async def _expire_offers(wish: actions.Wish, _: str) -> None:
    await actions.expire_offers(wish)


DEEDS: dict[str, Deed] = {
    "expire-offers": Deed(
        "Expire offers now",
        "Every process whose date has passed is woken, as the schedule does. Safe to repeat.",
        None,
        _expire_offers,
    ),
    "wake": Deed(
        "Wake a process",
        "It looks again at what is due. One that is gone starts anew from its projection.",
        "process",
        lambda wish, target: actions.wake_up(wish, *_process(target)),
    ),
    "nudge-trust": Deed(
        "Nudge trust",
        "The store's trust folds whatever facts wait.",
        "store",
        lambda wish, target: actions.wake_up(wish, "store-trust", _id(target)),
    ),
    "cancel-order": Deed(
        "Cancel an order",
        "The buyer is paid back and the stock returns. It cannot be undone.",
        "order",
        lambda wish, target: actions.pay_back(wish, _id(target), cancel=True),
    ),
    "refund-order": Deed(
        "Refund an order",
        "The buyer of a delivered order is paid back; the stock does not return. It cannot be undone.",
        "order",
        lambda wish, target: actions.pay_back(wish, _id(target), cancel=False),
    ),
    "grant-appeal": Deed(
        "Grant an appeal",
        "The buyer of the order is paid back; the stock does not return. It cannot be undone.",
        "order",
        lambda wish, target: actions.decide_appeal(wish, _id(target), grant=True),
    ),
    "decline-appeal": Deed(
        "Decline an appeal",
        "The merchant's answer stays: the buyer is not paid back. It cannot be undone.",
        "order",
        lambda wish, target: actions.decide_appeal(wish, _id(target), grant=False),
    ),
    "hide-message": Deed(
        "Hide a message",
        "Everybody sees that it was hidden in the place of its words. Evidence and trust stay as they are.",
        "message",
        lambda wish, target: actions.hide_message(wish, _id(target), hide=True),
    ),
    "show-message": Deed(
        "Show a message again",
        "Its words are as they were before it was hidden.",
        "message",
        lambda wish, target: actions.hide_message(wish, _id(target), hide=False),
    ),
    "revoke-key": Deed(
        "Revoke a key",
        "Whoever uses this key is locked out at once. It cannot be undone.",
        "key",
        lambda wish, target: actions.revoke_key(wish, _id(target)),
    ),
    "close-store": Deed(
        "Close a store",
        "Its standing offers are cancelled, orders under way go on. A closed store stays closed.",
        "store",
        lambda wish, target: actions.close_store(wish, _id(target)),
    ),
}


@router.get("/sign-in", response_class=HTMLResponse)
async def sign_in_form() -> HTMLResponse:
    return page("console/sign_in.html", refused=False)


@router.post("/sign-in", response_class=HTMLResponse)
async def sign_in(
    request: Request,
    context: Context,
    key: Annotated[str, Form(max_length=200)],
    reason: Annotated[Reason | Literal[""], Form()] = "",
) -> Response:
    """Take an operator's key once, and keep a session in its place. With a reason payloads are opened too."""
    session.check_origin(request)
    operator = await session.sign_in(context, key)
    if operator is None:
        return page("console/sign_in.html", 401, refused=True)
    async with context.database.session() as transaction:
        insert_audit_entry(transaction, new_id(), operator.key_id, "console.open", "signed in", {})
        if reason:
            insert_audit_entry(transaction, new_id(), operator.key_id, "session.open", reason, {})
    answer = RedirectResponse("/console", 303)
    session.set_cookie(context, request, answer, operator)
    if reason:
        codec.set_cookie(context, request, answer, operator, reason)
    return answer


@router.post("/sign-out", response_class=HTMLResponse)
async def sign_out(request: Request) -> Response:
    session.check_origin(request)
    answer = RedirectResponse("/console/sign-in", 303)
    session.clear_cookie(answer)
    codec.clear_cookie(answer)
    return answer


@router.get("", response_class=HTMLResponse)
async def attention_page(request: Request, context: Context) -> HTMLResponse:
    """What needs attention, and what is under way."""
    operator = await session.signed_in(context, request)
    found = await get_attention(context, operator.key_id)
    async with context.database.session() as transaction:
        await console.name_operator(transaction, operator.key_id)
        under_way = await console.list_open(transaction, context.specs.rows, 30)
    return page("console/attention.html", found=found, under_way=under_way, deeds=DEEDS, queue_help=HELP)


@router.get("/find", response_class=HTMLResponse)
async def find(request: Request, context: Context, id: str = "") -> Response:
    """Whatever has this id: a process, a store, an agent or a message."""
    operator = await session.signed_in(context, request)
    entity = _id(id.strip().rpartition("/")[2])
    async with context.database.session() as transaction:
        await console.name_operator(transaction, operator.key_id)
        for view in context.specs.rows.views.values():
            if await console.get_projection(transaction, view, entity):
                return RedirectResponse(f"/console/processes/{view.kind}/{entity}", 303)
        if await transaction.get(Agent, entity):
            return RedirectResponse(f"/console/agents/{entity}", 303)
        if message := await transaction.get(Message, entity):
            deed = "show-message" if message.hidden_at else "hide-message"
            return RedirectResponse(f"/console/act/{deed}?target={entity}", 303)
    raise ROUTE_NOT_FOUND.error("No process, agent or message has this id.")


@router.get("/processes/{kind}/{id}", response_class=HTMLResponse)
async def process_page(kind: str, id: UUID, request: Request, context: Context) -> HTMLResponse:
    """One process: its story, its projection beside its workflow, and what can be done."""
    operator = await session.signed_in(context, request)
    found = await get_process(context, operator.key_id, kind, id)
    store_id = found.projection.get("store_id") or found.projection.get("seller_store_id")
    async with context.database.transaction() as transaction:
        store = await get_store(transaction, store_id) if store_id else None
    return page("console/process.html", found=found, store=store)


@router.get("/agents/{agent_id}", response_class=HTMLResponse)
async def agent_page(agent_id: UUID, request: Request, context: Context) -> HTMLResponse:
    """An agent and its keys."""
    operator = await session.signed_in(context, request)
    async with context.database.session() as transaction:
        await console.name_operator(transaction, operator.key_id)
        agent = await (await Transaction.of(transaction)).get(Agent, agent_id)
        if agent is None:
            raise ROUTE_NOT_FOUND.error()
        keys = await list_keys(await Transaction.of(transaction), agent_id)
        last_call = await console.get_last_call(transaction, agent_id)
    return page("console/agent.html", agent=agent, keys=keys, last_call=last_call)


@router.get("/log", response_class=HTMLResponse)
async def log_page(request: Request, context: Context, cursor: str = "") -> HTMLResponse:
    """What operators did and why."""
    await session.signed_in(context, request)
    before = decode_cursor(cursor, UUID)[0] if cursor else None
    async with context.database.transaction() as transaction:
        entries = await console.list_audit(transaction, before, 101)
    older = encode_cursor(entries[99][0].audit_id) if len(entries) > 100 else None
    return page("console/log.html", entries=entries[:100], older=older)


@router.get("/log.csv")
async def log_as_csv(request: Request, context: Context, paging: CsvQuery) -> Response:
    """The same as a file: its newest 5,000 entries, or what follows a cursor."""
    await session.signed_in(context, request)
    before = paging.after(UUID)
    async with context.database.transaction() as transaction:
        return audit_csv(paging, await console.list_audit(transaction, before[0] if before else None, paging.limit))


@router.get("/metrics", response_class=HTMLResponse)
async def metrics_page(request: Request, context: Context) -> HTMLResponse:
    """The numbers of /metrics, for people."""
    await session.signed_in(context, request)
    answered = await figures.measure_backlog(context)
    return page("console/metrics.html", figures=figures.read(context), answered=answered)


def _deed(name: str) -> Deed:
    if name not in DEEDS:
        raise ROUTE_NOT_FOUND.error()
    return DEEDS[name]


@router.get("/act/{name}", response_class=HTMLResponse)
async def confirm(name: str, request: Request, context: Context, target: str = "") -> HTMLResponse:
    """What an action does, and the question why."""
    await session.signed_in(context, request)
    # The id of the command is in the form: sent twice, it is done once.
    return page("console/act.html", name=name, deed=_deed(name), target=target, command_id=new_id())


@router.post("/act/{name}", response_class=HTMLResponse)
async def act(
    name: str,
    request: Request,
    context: Context,
    reason: Annotated[Reason, Form()],
    command_id: Annotated[UUID, Form()],
    target: Annotated[str, Form(max_length=100)] = "",
) -> HTMLResponse:
    """Carry out an action with its reason."""
    session.check_origin(request)
    operator: Operator = await session.signed_in(context, request)
    deed = _deed(name)
    try:
        trouble = await deed.work(actions.Wish(context, operator.key_id, reason, command_id), target.strip())
    except DomainError as refused:
        return page("console/done.html", 409, deed=deed, refused=refused.message, target=target)
    return page("console/done.html", deed=deed, refused=None, target=target, trouble=trouble)


@router.get("/reveal/{id}", response_class=HTMLResponse)
async def ask_to_reveal(id: UUID, request: Request, context: Context) -> HTMLResponse:
    await session.signed_in(context, request)
    return page("console/reveal.html", id=id, terms=None)


@router.post("/reveal/{id}", response_class=HTMLResponse)
async def reveal(id: UUID, request: Request, context: Context, reason: Annotated[Reason, Form()]) -> HTMLResponse:
    """Show terms, after the reason is on record."""
    session.check_origin(request)
    operator = await session.signed_in(context, request)
    terms = await actions.reveal_terms(context, operator.key_id, reason, id)
    return page("console/reveal.html", id=id, terms=terms)
