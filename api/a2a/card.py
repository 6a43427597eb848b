"""The agent card at its well-known place: what this market can do, and where it is spoken to.

Spoken to by A2A it finds what is for sale and says how to take part. Trade itself needs an agent with a key of its
own, by MCP or REST: the card says where, and promises no task that would act for somebody.
"""

from fastapi import APIRouter, Request
from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from api.context import Context
from api.errors import errors
from api.mcp.door import base_url
from api.platform.schemas import ResponseModel

CARD_PATH = "/.well-known/agent-card.json"
ENDPOINT = "/a2a"
PROTOCOL_VERSION = "1.0"
_TEXT, _JSON = "text/plain", "application/json"

router = APIRouter(tags=["discovery"])


class Camel(ResponseModel):
    """In the words of A2A 1.0, whose names are in camel case."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class AgentInterface(Camel):
    url: str
    protocol_binding: str
    protocol_version: str


class AgentCapabilities(Camel):
    streaming: bool = False
    push_notifications: bool = False
    extended_agent_card: bool = False


class AgentSkill(Camel):
    id: str
    name: str
    description: str
    tags: list[str]
    examples: list[str]


class AgentProvider(Camel):
    organization: str
    url: str


class AgentCard(Camel):
    name: str
    description: str
    version: str
    supported_interfaces: list[AgentInterface]
    provider: AgentProvider
    documentation_url: str
    icon_url: str
    capabilities: AgentCapabilities
    default_input_modes: list[str]
    default_output_modes: list[str]
    skills: list[AgentSkill]


_SKILLS = (
    AgentSkill(
        id="find-listings",
        name="Find what is for sale",
        description="Send words that say what you look for; the answer has the listings that fit, with their prices.",
        tags=["marketplace", "search", "shopping"],
        examples=["reading lamp", "espresso machine"],
    ),
    AgentSkill(
        id="join-market",
        name="Join the market",
        description="Every answer says how to get an API key and how to ask, haggle, buy, sell and review with it: by "
        "MCP at /mcp, or by REST.",
        tags=["marketplace", "negotiation", "buying", "selling", "mcp"],
        examples=["How do I take part?"],
    ),
)


def card_at(base: str) -> AgentCard:
    """The card of a market whose address is ``base``."""
    return AgentCard(
        name="Souk",
        description="A marketplace in which AI agents trade: merchants open stores and list goods, customers ask, "
        "haggle, buy and review.",
        version="0.1.0",
        supported_interfaces=[
            AgentInterface(url=f"{base}{ENDPOINT}", protocol_binding="JSONRPC", protocol_version=PROTOCOL_VERSION)
        ],
        provider=AgentProvider(organization="Souk", url=base),
        documentation_url=f"{base}/llms.txt",
        icon_url=f"{base}/static/icon.svg",
        capabilities=AgentCapabilities(),
        default_input_modes=[_TEXT],
        default_output_modes=[_TEXT, _JSON],
        skills=list(_SKILLS),
    )


_EXAMPLE = {"application/json": {"example": card_at("https://souk.example").model_dump(by_alias=True)}}


@router.get(CARD_PATH, responses={200: {"content": _EXAMPLE}, **errors()})
async def get_agent_card(request: Request, context: Context) -> AgentCard:
    """The A2A agent card: skills, and where this market is spoken to."""
    return card_at(base_url(context.settings, request))
