"""What /mcp says of itself as a protected resource (RFC 9728), for clients that were answered 401.

No authorization server is named, because there is none: keys come from registration and are sent as they are.
"""

from fastapi import APIRouter, Request
from pydantic import BaseModel

from api.context import Context
from api.errors import errors
from api.mcp.door import AGENT, METADATA_PATH, PATH, base_url
from api.platform.schemas import example

router = APIRouter(tags=["discovery"])


class ProtectedResource(BaseModel):
    """``scopes_supported``: every agent's key has it, an operator's has not."""

    resource: str
    resource_name: str = "Souk"
    resource_documentation: str
    bearer_methods_supported: list[str] = ["header"]
    scopes_supported: list[str] = [AGENT]
    model_config = example(
        {
            "resource": "https://souk.example/mcp",
            "resource_name": "Souk",
            "resource_documentation": "https://souk.example/docs",
            "bearer_methods_supported": ["header"],
            "scopes_supported": [AGENT],
        }
    )


@router.get(METADATA_PATH, responses=errors())
@router.get(METADATA_PATH.removesuffix(PATH), responses=errors(), operation_id="get_protected_resource_at_root")
async def get_protected_resource(request: Request, context: Context) -> ProtectedResource:
    """Metadata of the MCP endpoint: send an agent's API key as bearer token."""
    base = base_url(context.settings, request)
    return ProtectedResource(resource=f"{base}{PATH}", resource_documentation=f"{base}/docs")
