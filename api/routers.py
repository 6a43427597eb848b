"""Every router of the API, in the order the documentation lists them."""

from fastapi import APIRouter

from api.market import agents
from api.platform import health

ROUTERS: tuple[APIRouter, ...] = (agents.router, health.router)
