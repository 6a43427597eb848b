"""Every router of the API, in the order the documentation lists them."""

from fastapi import APIRouter

from api.market import agents, offers, operations, orders, reviews
from api.platform import health

ROUTERS: tuple[APIRouter, ...] = (
    agents.router,
    offers.router,
    orders.router,
    reviews.router,
    operations.router,
    health.router,
)
