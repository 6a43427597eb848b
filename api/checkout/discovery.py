"""What Souk offers a platform: the discovery document at ``/.well-known/ucp``."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from api.checkout.errors import refusals
from api.checkout.payment import payment_handlers
from api.context import Context
from domain.checkout.ucp import CAPABILITIES, SERVICE, VERSION, service_described
from domain.platform.errors import RATE_LIMITED, UNAVAILABLE

router = APIRouter(tags=["ucp"])
_FRESH_SECONDS = 300


class DiscoveryOut(BaseModel):
    """``ucp`` is the protocol's business profile; ``signing_keys`` are the keys our webhooks are signed with."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ucp": {
                        "version": VERSION,
                        "services": {SERVICE: [service_described("https://souk.example")]},
                        "capabilities": {name: [one.described()] for name, one in CAPABILITIES.items()},
                        "payment_handlers": {},
                    },
                    "signing_keys": [{"kid": "q83v", "kty": "EC", "crv": "P-256", "x": "q83v", "y": "q83v"}],
                    "keys": [{"kid": "q83v", "kty": "EC", "crv": "P-256", "x": "q83v", "y": "q83v"}],
                }
            ]
        }
    )

    ucp: dict[str, Any]
    signing_keys: list[dict[str, str]] = Field(description="JSON Web Keys")
    keys: list[dict[str, str]] = Field(description="the same, so that the document is a JWK set")


@router.get(
    "/.well-known/ucp",
    response_model=DiscoveryOut,
    responses=refusals(RATE_LIMITED, UNAVAILABLE, common=False),
)
async def get_ucp_profile(context: Context) -> Response:
    """Services, capabilities, payment handlers and keys. The same for everybody; may be kept for minutes."""
    keys = [key.jwk for key in context.signing_keys]
    document = {
        "ucp": {
            "version": VERSION,
            "services": {SERVICE: [service_described(context.settings.own_url)]},
            "capabilities": {name: [one.described()] for name, one in CAPABILITIES.items()},
            "payment_handlers": payment_handlers(context.settings),
        },
        "signing_keys": keys,
        "keys": keys,
    }
    return JSONResponse(document, headers={"Cache-Control": f"public, max-age={_FRESH_SECONDS}"})
