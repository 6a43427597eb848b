"""The OpenAPI document taken at its word by schemathesis, every check on, links between operations included.

Bounded here: a few cases per operation. Longer, against a running Souk, with any key:

    st run http://127.0.0.1:8000/openapi.json --checks all -n 200 -H "Authorization: Bearer souk_..." \
        --exclude-path-regex "stream$"

Streams are left out because they do not end; the feed's own tests read them.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.callers import Callers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
_ST = Path(sys.executable).parent / "st"
_CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.mark.parametrize(
    ("kind", "phases", "mode"),
    [
        ("merchant", "examples,fuzzing,stateful", "all"),
        ("customer", "examples,fuzzing,stateful", "all"),
        ("operator", "fuzzing,stateful", "all"),
        ("foreign customer", "coverage", "positive"),
    ],
)
def test_the_document_is_true(callers: Callers, tmp_path: Path, kind: str, phases: str, mode: str) -> None:
    report = tmp_path / "report.json"
    run = subprocess.run(
        [
            str(_ST), "--config-file", str(_CONFIG), "run", f"{callers.url}/openapi.json",
            "--checks", "all", "--phases", phases, "--mode", mode,
            "-n", "3", "--seed", "1", "--no-shrink", "--warnings", "off", "--no-color", "--request-timeout", "30",
            "-H", f"Authorization: Bearer {callers.keys[kind]}", "--exclude-path-regex", "stream$|metrics",
            "--report-json-path", str(report),
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=380,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-6000:]
    assert "No issues found" in run.stdout
    assert json.loads(report.read_text())
