"""Wishes over HTTP, and their page."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from api.context import AppContext, Context
from api.errors import errors
from api.platform.auth import AnyAgent
from api.platform.idempotency import FactDep
from api.platform.limits import limit
from api.platform.schemas import Note, RequestModel, ResponseModel, example
from api.web.rendering import PageRoute, page
from domain.platform.numbers import Seconds
from tests.contexts.db.wishes.wishes import Wish, find_wish, insert_wish
from tests.contexts.domain.wishes.wishes import WISH_NOT_FOUND, WISH_OPEN, WISH_TOO_LONG, WishPolicy, check_wish

router = APIRouter(prefix="/v1/wishes", tags=["wishes"])
pages = APIRouter(prefix="/wishes", route_class=PageRoute, include_in_schema=False)


class WishIn(RequestModel):
    text: Note
    lapses_in_seconds: Seconds
    model_config = example({"text": "A lamp that shines in the dark.", "lapses_in_seconds": 3600})


class WishOut(ResponseModel):
    wish_id: UUID
    text: str
    lapses_at: datetime
    closed_at: datetime | None
    model_config = {
        **ResponseModel.model_config,
        **example(
            {
                "wish_id": "01920000-0000-7000-8000-000000000001", "text": "A lamp that shines in the dark.",
                "lapses_at": "2026-01-05T10:00:00Z", "closed_at": None,
            }
        ),
    }  # fmt: skip


@router.post(
    "",
    status_code=201,
    response_model=WishOut,
    dependencies=[limit("wishes_per_agent")],
    responses=errors(WISH_OPEN, WISH_TOO_LONG),
)
async def make_wish(body: WishIn, caller: AnyAgent, fact: FactDep, context: Context) -> Response:
    """Wish for something, in public, until a date."""
    check_wish(body.lapses_in_seconds, context.specs.policies.of(WishPolicy))
    async with fact.begin():
        wish = await insert_wish(fact.transaction, fact.command_id, caller.agent_id, body.text, body.lapses_in_seconds)
        answer = await fact.answer(WishOut.model_validate(wish), 201)
    context.nudges.wake(f"wish/{wish.wish_id}")
    return answer


@router.get("/{wish_id}", responses=errors(WISH_NOT_FOUND))
async def get_wish(wish_id: UUID, context: Context) -> WishOut:
    """A wish."""
    return WishOut.model_validate(await _get(context, wish_id))


@pages.get("/{wish_id}", response_class=HTMLResponse)
async def wish_page(wish_id: UUID, context: Context) -> HTMLResponse:
    """A wish, for people."""
    return page("wish.html", wish=await _get(context, wish_id))


async def _get(context: AppContext, wish_id: UUID) -> Wish:
    async with context.database.transaction() as transaction:
        wish = await find_wish(transaction, wish_id)
    if wish is None:
        raise WISH_NOT_FOUND.error()
    return wish
