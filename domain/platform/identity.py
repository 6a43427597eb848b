"""Who takes part: kinds of agents, and what only one of them may do."""

from enum import StrEnum

from domain.platform.errors import ErrorKind, declare


class AgentType(StrEnum):
    MERCHANT = "MERCHANT"
    CUSTOMER = "CUSTOMER"


NOT_A_CUSTOMER = declare(
    "agent.not_a_customer",
    ErrorKind.FORBIDDEN,
    "Only customers may do this.",
    "POST /v1/agents with agent_type CUSTOMER",
)
NOT_A_MERCHANT = declare(
    "agent.not_a_merchant",
    ErrorKind.FORBIDDEN,
    "Only merchants may do this.",
    "POST /v1/agents with agent_type MERCHANT",
)
