"""docs/mcp.md: its snippets run as they stand, and its tables say what is there."""

import json
import re
from pathlib import Path

import httpx

from api.mcp.tools import TOOLS
from tests.conformance.mcp import APPLICABLE, NOT_APPLICABLE
from tests.e2e.pages import ROOT, blocks, run_pasted
from tests.e2e.people import Agent, Shop
from tests.e2e.test_mcp_door import HEADERS, rpc

PAGE = "docs/mcp.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")


def test_the_python_snippet_runs_as_it_stands(souk_url: str, own_python: Path, tmp_path: Path) -> None:
    Shop.open(souk_url)
    (snippet,) = blocks(PAGE, "python")
    tools, offer, inbox = run_pasted(souk_url, tmp_path, str(own_python), "-c", snippet)
    assert tools.removeprefix("tools: ").split() == [tool.work.__name__ for tool in TOOLS]
    assert (offer, inbox) == ("offer: PROPOSED", "inbox: 0")


def test_the_configuration_opens_the_door(souk_url: str) -> None:
    (text,) = blocks(PAGE, "json")
    server = json.loads(text)["mcpServers"]["souk"]
    key = Agent.register(souk_url, "MERCHANT").key
    assert key is not None
    headers = {name: value.replace("souk_...", key) for name, value in server["headers"].items()}
    url = server["url"].replace("http://127.0.0.1:8000", souk_url)
    answer = httpx.post(url, json=rpc("tools/list"), headers=HEADERS | headers, timeout=120)
    assert len(answer.json()["result"]["tools"]) == len(TOOLS)


def test_the_tables_are_complete() -> None:
    assert re.findall(r"^\| `(\w+)` \| (?:all|both|customer|merchant) \|", TEXT, re.MULTILINE) == [
        tool.work.__name__ for tool in TOOLS
    ]
    told = {"passed": set(), "not applicable": set()}
    for names, result in re.findall(r"^\| ((?:`[\w-]+`(?:, )?)+) \| (passed|not applicable)", TEXT, re.MULTILINE):
        told[result] |= set(re.findall(r"`([\w-]+)`", names))
    assert told == {"passed": set(APPLICABLE), "not applicable": set(NOT_APPLICABLE)}
