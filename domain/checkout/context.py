"""Checkout whole: shopping platforms' sessions by the Universal Commerce Protocol."""

from domain.checkout.access import ACCESS
from domain.checkout.policy import CheckoutPolicy
from domain.checkout.processes import CHECKOUT, CHECKOUT_QUEUE
from domain.checkout.states import CheckoutNews
from domain.platform.contexts import ContextSpec, WorkflowType

CONTEXT = ContextSpec(
    name="checkout",
    summary="shopping platforms' sessions (UCP)",
    parts=("db", "activities", "worker", "api", "drills"),
    tags={"ucp": "The Universal Commerce Protocol: for shopping platforms, see docs/ucp.md."},
    queues=(CHECKOUT_QUEUE,),
    workflows=(WorkflowType(CHECKOUT, "checkout", CHECKOUT_QUEUE),),
    inbox=CheckoutNews,
    locks={"carts": 30, "checkouts": 40},
    access=ACCESS,
    limits={"per_platform": "6000/minute", "profiles_per_address": "120/minute"},
    policy=CheckoutPolicy,
)
