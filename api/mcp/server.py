"""The MCP server: its tools and resources, and how each call is run, refused, measured and logged.

A call's arguments and answers are the caller's own affair: no log line and no metric holds any of them.
"""

import json
import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from fastapi import Request
from mcp import MCPError
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolResult,
    GetPromptResult,
    InputRequiredResult,
    TextContent,
)
from pydantic import AnyUrl, ConfigDict, ValidationError, create_model

from api.mcp.inside import Inside, current
from api.mcp.refusals import Refused, arguments_refused, fault, fill_ids
from api.mcp.resources import add_resources
from api.mcp.words import INSTRUCTIONS
from api.platform.observe import Metrics, fault_frames
from api.platform.parts import McpTool

_log = structlog.get_logger()
VERSION = "0.1.0"


class _Exact(FuncMetadata):
    """Arguments as they came: a message that happens to be JSON stays a text."""

    def pre_parse_json(self, data: dict[str, Any]) -> dict[str, Any]:
        return data


class _NothingElse(ArgModelBase):
    model_config = ConfigDict(extra="forbid")


def _slim(schema: dict[str, Any], inlined: dict[str, Any] | None = None) -> dict[str, Any]:
    """A schema without the titles pydantic makes of names: models pay for every word of a tool list.

    References to the ``inlined`` definitions are replaced by these: some clients drop what has a ``$ref``.
    """
    if inlined is not None and "$ref" in schema:
        schema = inlined[schema["$ref"].rsplit("/", 1)[-1]] | {k: v for k, v in schema.items() if k != "$ref"}
    slim: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "$defs" and inlined is not None:
            continue
        if key in ("properties", "$defs"):
            slim[key] = {name: _slim(part, inlined) for name, part in value.items()}
        elif isinstance(value, dict):
            slim[key] = _slim(value, inlined)
        elif isinstance(value, list):
            slim[key] = [_slim(part, inlined) if isinstance(part, dict) else part for part in value]
        elif key != "title":
            slim[key] = value
    return slim


def _bounds(schema: dict[str, Any]) -> str:
    """What an argument may hold at most, in words: many clients show a model the description alone."""
    for part in (schema, *schema.get("anyOf", ())):
        if "maxLength" in part:
            return f"at most {part['maxLength']} characters"
        if "maximum" in part:
            return f"from {part.get('minimum', 0):g} to {part['maximum']:.0f}"
    return ""


def _inputs(schema: dict[str, Any]) -> dict[str, Any]:
    """A tool's input schema: no references, and maxima in the descriptions."""
    slim = _slim(schema, schema.get("$defs", {}))
    for argument in slim["properties"].values():
        bounds = _bounds(argument)
        if bounds:
            argument["description"] = f"{argument['description']} ({bounds})"
    return slim


def _tool(declared: McpTool) -> Tool:
    """A tool that refuses arguments it does not know, as the REST API refuses unknown fields."""
    work = declared.work
    description = " ".join((work.__doc__ or "").split())
    tool = Tool.from_function(work, title=declared.title, description=description, annotations=declared.annotations)
    loose = tool.fn_metadata
    strict = create_model(f"{work.__name__}Arguments", __base__=(_NothingElse, loose.arg_model))
    tool.parameters = _inputs(strict.model_json_schema(by_alias=True))
    tool.fn_metadata = _Exact(
        arg_model=strict,
        output_schema=_slim(loose.output_schema or {}),
        output_model=loose.output_model,
        wrap_output=loose.wrap_output,
    )
    return tool


def _answer(told: dict[str, Any] | None, *, is_error: bool = False) -> CallToolResult:
    """Structured content, and the same as text for clients that read no other."""
    text = json.dumps(told, separators=(",", ":"), ensure_ascii=False)
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=told, is_error=is_error)


class MarketServer(MCPServer[None]):
    """The package's server with this market's words for what goes wrong."""

    def __init__(self, metrics: Metrics, tools: Sequence[McpTool]) -> None:
        super().__init__(
            "souk",
            title="Souk",
            instructions=INSTRUCTIONS,
            version=VERSION,
            tools=[_tool(tool) for tool in tools],
            # There is nothing to listen to: an agent's events are in its inbox.
            subscriptions=False,
        )
        self._metrics = metrics
        self._names = {tool.work.__name__ for tool in tools}
        add_resources(self)
        # The package's own lines may quote a caller: what an operator needs is logged here.
        logging.getLogger("mcp").setLevel(logging.CRITICAL + 1)

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[None, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Run a tool. Refusals and faults are results with isError; an unknown name is a protocol error."""
        if name not in self._names:
            raise MCPError(INVALID_PARAMS, "There is no tool of this name: see tools/list.")
        started, outcome = time.perf_counter(), "ok"
        token = current.set(_inside(context))
        try:
            result = await super().call_tool(name, arguments, context)
            assert isinstance(result, CallToolResult)
            return _answer(result.structured_content)
        except ToolError as error:
            cause = error.__cause__
            if isinstance(cause, Refused):
                outcome = "refused"
                return _answer(fill_ids(cause.problem, arguments), is_error=True)
            if isinstance(cause, ValidationError) and type(error) is ToolError:
                outcome = "refused"
                return _answer(arguments_refused(cause), is_error=True)
            outcome = "fault"
            _log.error("mcp.fault", tool=name, error=type(cause).__name__, where=fault_frames(cause or error))
            return _answer(fault(), is_error=True)
        finally:
            current.reset(token)
            self._metrics.tools.labels(name, outcome).observe(time.perf_counter() - started)

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[None, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        """There is none: whatever name is asked for is a wrong parameter."""
        raise MCPError(INVALID_PARAMS, "There is no prompt of this name: see prompts/list.")

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[None, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """Read a resource. Refusals and faults are protocol errors."""
        token = current.set(_inside(context))
        try:
            return await super().read_resource(uri, context)
        except (MCPError, ResourceNotFoundError):
            raise
        except Exception as error:  # noqa: BLE001 - the one handler of faults, as in Observe
            cause = error.__cause__ or error
            _log.error("mcp.fault", tool="resource", error=type(cause).__name__, where=fault_frames(cause))
            raise MCPError(INTERNAL_ERROR, "Something went wrong on our side.", fault()) from None
        finally:
            current.reset(token)


def _inside(context: Context[None, Any] | None) -> Inside:
    request = context.request_context.request if context else None
    assert isinstance(request, Request)
    return Inside(request)
