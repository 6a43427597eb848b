"""Reviews: one per delivered order, by its buyer, through the ReviewWindow process."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.context import Context
from api.errors import errors as refusals
from api.market.order_schemas import ReviewIn, ReviewOut
from api.platform.auth import Customer
from api.platform.idempotency import CommandDep
from api.platform.pages import answer
from db.market.cases import get_order_case
from db.market.reads_trade import the_review
from domain.market import errors
from domain.market.commands import PostReview
from domain.market.reviews import decide_review
from domain.platform.identity import NOT_A_CUSTOMER

router = APIRouter(prefix="/v1/reviews", tags=["reviews"])


@router.post(
    "",
    status_code=201,
    response_model=ReviewOut,
    responses=refusals(
        NOT_A_CUSTOMER,
        errors.ORDER_NOT_FOUND,
        errors.REVIEW_UNDELIVERED,
        errors.STORE_BLOCKED,
        errors.REVIEW_REFUNDED,
        errors.REVIEW_EXISTS,
        errors.REVIEW_TOO_LATE,
    ),
)
async def post_review(body: ReviewIn, buyer: Customer, command: CommandDep) -> Response:
    """Review a delivered order. It appears in the listing's one review thread and moves the store's trust."""
    async with command.begin():
        case = await get_order_case(command.transaction, body.order_id)
        if case is None or case.buyer_id != buyer.agent_id:
            raise errors.ORDER_NOT_FOUND.error()
        if not command.resumed:
            decide_review(case.state.status, case.window_status, case.window_closes_at, case.now)
        review = PostReview(
            command_id=command.command_id,
            order_id=body.order_id,
            author_id=buyer.agent_id,
            rating=body.rating,
            title=body.title,
            body=body.body,
            as_described=body.as_described,
        )
        await command.send(review, listing_id=case.listing_id, store_id=case.store_id)
        return await command.show(the_review(command.command_id), 201)


@router.get("/{review_id}", response_model=ReviewOut, responses=refusals(errors.REVIEW_NOT_FOUND))
async def get_review(review_id: UUID, context: Context) -> Response:
    """One review; public."""
    wanted = the_review(review_id)
    return answer(wanted.of(await context.reads.rows(wanted.read, **wanted.values)))
