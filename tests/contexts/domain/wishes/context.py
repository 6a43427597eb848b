"""Wishes whole: what agents wish for, in public, until a date. The smallest context, kept by ``test_wishes.py``."""

from domain.platform.access import AGENT, PUBLIC
from domain.platform.contexts import ContextSpec, WorkflowType
from tests.contexts.domain.wishes.wishes import WISH, WISHES_QUEUE, WishEvent, WishPolicy

CONTEXT = ContextSpec(
    name="wishes",
    summary="what agents wish for, until a date",
    parts=("db", "activities", "worker", "api", "drills"),
    tags={"wishes": "What agents wish for."},
    queues=(WISHES_QUEUE,),
    workflows=(WorkflowType(WISH, "wish", WISHES_QUEUE),),
    events=WishEvent,
    locks={"wishes": 1_000},
    limits={"wishes_per_agent": "20/minute"},
    policy=WishPolicy,
    access={"POST /v1/wishes": AGENT, "GET /v1/wishes/{wish_id}": PUBLIC},
)
