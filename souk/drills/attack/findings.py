"""What a probe is given, and what it finds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from domain.checkout.ucp import VERSION
from souk.drills.attack.callers import Callers
from souk.drills.people import Agent
from souk.drills.stack import DrillStack

PLATFORM = {"UCP-Agent": f'profile="...";version="{VERSION}"'}
_PUBLIC = {"SOUK_SIMULATION__ENABLED": None, "SOUK_SIMULATION__SECRET": None, "SOUK_TRUSTED_PROXIES": "127.0.0.1"}
_MOST_CHARACTERS = 300


@dataclass(slots=True)
class Findings:
    """Of one probe: what it saw as it should be, and what not, in words."""

    held: list[str] = field(default_factory=list)
    broke: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def expect(self, what: str, seen: object, right: object) -> None:
        """``what`` holds when both are equal."""
        if seen == right:
            self.held.append(what)
        else:
            self.broke.append(f"{what}: {_short(seen)}, not {_short(right)}")

    def refuses(self, what: str, answer: httpx.Response, status: int, code: str) -> None:
        """``what`` holds when the answer is a refusal by this status and code, in the market's words."""
        self.expect(what, (answer.status_code, code_of(answer)), (status, code))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def code_of(answer: httpx.Response) -> str:
    """The code of a refusal; nothing of what was accepted, the beginning of what is no refusal of the market's."""
    if answer.is_success:
        return ""
    try:
        return str(answer.json()["code"])
    except (ValueError, LookupError, TypeError):
        return answer.text[:100]


class Target:
    """A Souk under attack: nobody else's, first on this machine alone, then one that serves others."""

    def __init__(self, stack: DrillStack, *, short: bool) -> None:
        self.stack = stack
        self.short = short
        self.operator = Agent(stack.api, stack.make_operator_key())

    @property
    def url(self) -> str:
        return self.stack.api

    def choose(self, many: Sequence[str], few: Sequence[str]) -> Sequence[str]:
        return few if self.short else many

    def callers(self) -> Callers:
        """All kinds of callers in a market of their own, who shop as every platform may in the simulation."""
        assert self.operator.key is not None
        return Callers.make(self.url, self.operator.key, PLATFORM)

    def customer(self) -> Agent:
        return Agent.register(self.url, "CUSTOMER")

    def serve_others(self, between: Callable[[], object] = lambda: None) -> None:
        """Begin anew as a public Souk behind a proxy on this machine. ``between``: done while nothing runs."""
        self.stack.restart(_PUBLIC, between)

    def check(self, command: str) -> tuple[int, str]:
        """``souk doctor`` or ``souk audit`` on its database: exit code and what it says."""
        return self.stack.run_souk(command, "--database", self.stack.environment["SOUK_DATABASE_URL"])

    def tool(self, agent: Agent, name: str, arguments: Mapping[str, Any]) -> httpx.Response:
        """A call of a tool at /mcp."""
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        headers = {"Accept": "application/json, text/event-stream"}
        return agent.http.post("/mcp", json=call, headers=headers)


@dataclass(frozen=True, slots=True)
class Probe:
    """``attack``: what is tried. ``alone``: nothing else goes on meanwhile, and it is in the main thread."""

    name: str
    attack: str
    run: Callable[[Target, Findings], None]
    alone: bool = False
