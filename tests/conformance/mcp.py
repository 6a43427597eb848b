"""Runs the public MCP conformance runner against a real Souk: ``python -m tests.conformance.mcp``.

It needs npm and its registry, so it is a command and no part of the tests. The runner and a Node that it works
with are installed in a temporary folder, or found in ``--node-folder``. Most scenarios call tools and resources
that only a test server has; ``NOT_APPLICABLE`` says of each why. With ``--all`` they run, too, and have to fail.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.settings import Settings
from db.migrate import upgrade
from souk.stack.embedded import EmbeddedPostgres, EmbeddedTemporal
from tests.conformance.bearer_proxy import BearerProxy
from tests.conftest import TEST_KEY_RING
from tests.e2e.people import Agent
from tests.running import RunningSouk

PACKAGES = ("node@22", "@modelcontextprotocol/conformance@0.1.16")

APPLICABLE = ("server-initialize", "ping", "tools-list", "resources-list", "prompts-list", "dns-rebinding-protection")
_TOOL = "calls a tool of the runner's own test server"
_RESOURCE = "reads a resource of the runner's own test server"
_PROMPT = "asks for a prompt of the runner's own test server; Souk has none"
_STREAM = "tests a server that streams its answers; Souk answers each POST with one JSON document"
_SUBSCRIBE = "subscriptions are not offered: nothing is kept between requests, read_inbox tells what is new"
NOT_APPLICABLE = {
    "tools-call-simple-text": _TOOL,
    "tools-call-image": _TOOL,
    "tools-call-audio": _TOOL,
    "tools-call-embedded-resource": _TOOL,
    "tools-call-mixed-content": _TOOL,
    "tools-call-with-logging": _TOOL,
    "tools-call-error": _TOOL,
    "tools-call-with-progress": _TOOL,
    "tools-call-sampling": _TOOL,
    "tools-call-elicitation": _TOOL,
    "elicitation-sep1034-defaults": _TOOL,
    "elicitation-sep1330-enums": _TOOL,
    "json-schema-2020-12": _TOOL,
    "resources-read-text": _RESOURCE,
    "resources-read-binary": _RESOURCE,
    "resources-templates-read": _RESOURCE,
    "resources-subscribe": _SUBSCRIBE,
    "resources-unsubscribe": _SUBSCRIBE,
    "prompts-get-simple": _PROMPT,
    "prompts-get-with-args": _PROMPT,
    "prompts-get-embedded-resource": _PROMPT,
    "prompts-get-with-image": _PROMPT,
    "completion-complete": "completion is not offered: every argument is an id, a number or a text",
    "logging-set-level": "log messages to clients are not offered, and leave the protocol with 2026-07-28",
    "server-sse-polling": _STREAM,
    "server-sse-multiple-streams": _STREAM,
}


@contextmanager
def installed(folder: Path | None) -> Iterator[Path]:
    """A folder whose node_modules hold the runner and its Node."""
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="souk-conformance-") as made:
        (Path(made) / "package.json").write_text('{"private": true}')
        # node's own package fetches its program in an install script, which newer npm asks about.
        npm = ["npm", "install", "--no-audit", "--no-fund", "--foreground-scripts", *PACKAGES]
        subprocess.run(npm, cwd=made, check=True)
        yield Path(made)


@contextmanager
def a_souk() -> Iterator[str]:
    """The address of a Souk of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="souk-conformance-pg-") as data,
        EmbeddedPostgres(Path(data) / "pg", fast=True) as postgres,
        EmbeddedTemporal(None) as temporal,
    ):
        upgrade(postgres.url())
        settings = Settings(
            database_url=postgres.url(),
            temporal_address=temporal.address,
            payload_keys=TEST_KEY_RING,
            credential_secret="a secret for the tests",
            log_level="WARNING",
        )
        with RunningSouk(settings) as running:
            yield running.url


def run(folder: Path, url: str, scenario: str) -> dict[str, list[str]]:
    """The messages of a scenario's checks, by status."""
    modules = folder / "node_modules"
    with tempfile.TemporaryDirectory(prefix="souk-conformance-out-") as out:
        command = [modules / "node/bin/node", modules / ".bin/conformance", "server", "--url", url]
        options = ["--scenario", scenario, "--output-dir", out]
        subprocess.run([*map(str, command), *options], cwd=folder, capture_output=True, timeout=120, check=False)
        found = list(Path(out).rglob("checks.json"))
        checks = [check for path in found for check in json.loads(path.read_text())]
    by_status: dict[str, list[str]] = {}
    for check in checks:
        by_status.setdefault(check["status"], []).append(check.get("errorMessage") or check["name"])
    return by_status


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--node-folder", type=Path, help="a folder where the packages are installed already")
    options.add_argument("--all", action="store_true", help="run what is not applicable, too: it has to fail")
    asked = options.parse_args()
    wrong = 0
    with installed(asked.node_folder) as folder, a_souk() as souk:
        key = Agent.register(souk, "CUSTOMER").key
        assert key is not None
        with BearerProxy(souk, key) as proxy:
            for scenario in [*APPLICABLE, *(NOT_APPLICABLE if asked.all else ())]:
                checks = run(folder, f"{proxy.url}/mcp", scenario)
                passed = bool(checks.get("SUCCESS")) and not checks.get("FAILURE")
                expected = passed == (scenario in APPLICABLE)
                wrong += not expected
                print(
                    "as expected" if expected else "UNEXPECTED",
                    "passed" if passed else "not applicable" if expected else "failed",
                    scenario,
                    "" if passed else checks,
                    sep=" | ",
                )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
