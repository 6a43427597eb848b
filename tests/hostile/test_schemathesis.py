"""The OpenAPI document taken at its word by schemathesis, every check on, links between operations included.

Bounded here: a few cases per operation. Longer, against a running Souk, with any key:

    st run http://127.0.0.1:8000/openapi.json --checks all -n 200 -H "Authorization: Bearer souk_..." \
        --exclude-path-regex "stream$"

The stream is left out because it does not end: ``test_the_stream_as_the_document_has_it`` reads it.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import httpx
import jsonschema
import pytest

from tests.e2e.people import Agent
from tests.hostile.callers import Callers, operator_key
from tests.running import RunningSouk

pytestmark = [pytest.mark.slow(seconds=120), pytest.mark.timeout(900)]
_ST = Path(sys.executable).parent / "st"
_CONFIG = Path(__file__).with_name("schemathesis.toml")
# Whoever ends its own key is a stranger from there on: these have a run and a key of their own.
_ENDS_KEYS = "agents/me/keys/|operations/keys/"


@pytest.mark.parametrize(
    ("kind", "phases"),
    [
        ("merchant", "examples,fuzzing,stateful"),
        ("customer", "examples,fuzzing,stateful"),
        ("operator", "coverage,fuzzing,stateful"),
        ("foreign customer", "coverage"),
    ],
)
def test_the_document_is_true(callers: Callers, tmp_path: Path, kind: str, phases: str) -> None:
    check(callers.url, callers.keys[kind], phases, tmp_path, "--exclude-path-regex", f"stream$|{_ENDS_KEYS}")


def test_the_document_is_true_of_ending_keys(callers: Callers, hostile_souk: RunningSouk, tmp_path: Path) -> None:
    phases = "examples,coverage,fuzzing,stateful"
    for key in (Agent.register(callers.url, "CUSTOMER").key, asyncio.run(operator_key(hostile_souk.settings))):
        check(callers.url, key, phases, tmp_path, "--include-path-regex", f"agents/me/keys$|{_ENDS_KEYS}")


def check(url: str, key: str | None, phases: str, folder: Path, *which: str) -> None:
    """A bounded run with every check, of data that fit the document and of data that do not."""
    report = folder / "report.json"
    run = subprocess.run(
        [
            str(_ST), "--config-file", str(_CONFIG), "run", f"{url}/openapi.json",
            "--checks", "all", "--phases", phases, "--mode", "all",
            "-n", "3", "--seed", "1", "--no-shrink", "--warnings", "off", "--no-color", "--request-timeout", "120",
            "-H", f"Authorization: Bearer {key}", *which,
            "--report-json-path", str(report),
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=880,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-6000:]
    assert "No issues found" in run.stdout
    assert json.loads(report.read_text())


def test_the_stream_as_the_document_has_it(callers: Callers) -> None:
    """Every answer of the stream is one the document knows: its type when it opens, a problem when it does not."""
    document = httpx.get(f"{callers.url}/openapi.json").json()
    operation = document["paths"]["/v1/activity/stream"]["get"]
    problem = {**document["components"]["schemas"]["Problem"], "components": document["components"]}
    good = {"type": "MESSAGE_POSTED", "store_id": callers.ids["store_id"], "listing_id": str(uuid4())}
    bad = [
        *({"after": cursor} for cursor in ("0", "!!!!", "W10", "eyJhIjoxfQ", "WzFd", "\u00e9", "null", "x" * 501)),
        {"type": "NONE"}, {"store_id": "1"}, {"listing_id": "\x00"},
    ]  # fmt: skip
    cursor = httpx.get(f"{callers.url}/v1/activity", params={"limit": 1}).json()["items"][0]["cursor"]
    asked = [({}, 200), (good, 200), ({"after": cursor}, 200), *((query, 422) for query in bad)]
    for query, status in asked:
        for kind in ("none", "foreign merchant"):
            with callers.agents[kind].http.stream("GET", "/v1/activity/stream", params=query) as answer:
                assert answer.status_code == status, (query, kind)
                kinds = operation["responses"][str(status)]["content"]
                assert answer.headers["content-type"].split(";")[0] in kinds
                if status != 200:
                    answer.read()
                    jsonschema.validate(answer.json(), problem)
    revoked = callers.call("revoked key", "GET", "/v1/activity/stream")
    assert (revoked.status_code, revoked.headers["content-type"]) == (401, "application/problem+json")
    assert "401" in operation["responses"]
    with httpx.stream("GET", f"{callers.url}/v1/activity/stream", headers={"Last-Event-ID": "nonsense"}) as answer:
        assert answer.status_code == 422
