"""Agents that know the market by MCP alone, through the package's own client over HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from tests.e2e.people import Agent


class McpAgent:
    """Someone with a key and an open client."""

    def __init__(self, agent: Agent, client: Client) -> None:
        self.agent = agent
        self.client = client

    async def try_(self, tool: str, **arguments: Any) -> CallToolResult:
        return await self.client.call_tool(tool, arguments)

    async def do(self, tool: str, **arguments: Any) -> Any:
        """The structured answer; its text says the same."""
        result = await self.try_(tool, **arguments)
        assert not result.is_error, result.structured_content
        assert json.loads(result.content[0].text) == result.structured_content
        return result.structured_content

    async def refused(self, tool: str, **arguments: Any) -> Any:
        """The problem a refused call tells."""
        result = await self.try_(tool, **arguments)
        assert result.is_error, result.structured_content
        problem = result.structured_content
        assert problem["code"]
        assert problem["detail"]
        assert isinstance(problem["next_actions"], list)
        return problem


@asynccontextmanager
async def at_mcp(url: str, agent: Agent, mode: str = "auto") -> AsyncIterator[McpAgent]:
    """An agent at a running Souk's /mcp. ``mode``: auto finds the newest protocol, legacy shakes hands."""
    headers = {"Authorization": f"Bearer {agent.key}"} if agent.key else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=120) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,  # type: ignore[arg-type]
    ):
        yield McpAgent(agent, client)


@asynccontextmanager
async def newcomer(url: str, kind: str, mode: str = "auto") -> AsyncIterator[McpAgent]:
    async with at_mcp(url, Agent.register(url, kind), mode) as agent:
        yield agent
