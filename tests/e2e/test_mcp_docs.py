"""docs/mcp.md: its snippets run as they stand, and its tables say what is there."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import httpx

from api.mcp.server import TOOLS
from tests.conformance.mcp import APPLICABLE, NOT_APPLICABLE
from tests.e2e.people import Agent, Shop
from tests.e2e.test_mcp_door import HEADERS, rpc

PAGE = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_python_snippet_runs_as_it_stands(souk_url: str) -> None:
    Shop.open(souk_url)
    (snippet,) = blocks("python")
    handle = f"mia-{uuid4().hex[:8]}"
    done = subprocess.run(
        [sys.executable, "-c", snippet],
        check=False,
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "SOUK": souk_url, "HANDLE": handle, "no_proxy": "*"},
    )
    assert done.returncode == 0, done.stderr
    tools, offer, inbox = done.stdout.splitlines()
    assert tools.removeprefix("tools: ").split() == [work.__name__ for work, _, _ in TOOLS]
    assert (offer, inbox) == ("offer: PROPOSED", "inbox: 0")


def test_the_configuration_opens_the_door(souk_url: str) -> None:
    (text,) = blocks("json")
    server = json.loads(text)["mcpServers"]["souk"]
    key = Agent.register(souk_url, "MERCHANT").key
    assert key is not None
    headers = {name: value.replace("souk_...", key) for name, value in server["headers"].items()}
    url = server["url"].replace("http://127.0.0.1:8000", souk_url)
    answer = httpx.post(url, json=rpc("tools/list"), headers=HEADERS | headers, timeout=120)
    assert len(answer.json()["result"]["tools"]) == len(TOOLS)


def test_the_tables_are_complete() -> None:
    assert re.findall(r"^\| `(\w+)` \| (?:all|both|customer|merchant) \|", PAGE, re.MULTILINE) == [
        work.__name__ for work, _, _ in TOOLS
    ]
    told = {"passed": set(), "not applicable": set()}
    for names, result in re.findall(r"^\| ((?:`[\w-]+`(?:, )?)+) \| (passed|not applicable)", PAGE, re.MULTILINE):
        told[result] |= set(re.findall(r"`([\w-]+)`", names))
    assert told == {"passed": set(APPLICABLE), "not applicable": set(NOT_APPLICABLE)}
