"""Clients that public generators make of the OpenAPI document compile, and have every operation."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from souk.cli import app as souk

TYPESCRIPT = Path(__file__).parents[2] / "clients" / "typescript"
INSTALLED = TYPESCRIPT / "node_modules"
needs_node = pytest.mark.skipif(
    shutil.which("npm") is None or not INSTALLED.exists(),
    reason="needs Node: apt-get install nodejs npm, then npm ci in clients/typescript",
)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The document as a file, as `souk openapi` prints it."""
    printed = CliRunner().invoke(souk, ["openapi"])
    assert printed.exit_code == 0, printed.output
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_text(printed.stdout)
    return path


def operation_ids(document: Path) -> dict[str, str]:
    """The first tag of each operation, by its id."""
    paths = json.loads(document.read_text())["paths"]
    return {call["operationId"]: call["tags"][0] for calls in paths.values() for call in calls.values()}


def test_ids_are_unique_and_short(document: Path) -> None:
    paths: dict[str, Any] = json.loads(document.read_text())["paths"]
    ids = [operation["operationId"] for calls in paths.values() for operation in calls.values()]
    assert len(ids) == len(set(ids))
    assert [one for one in ids if not one.isidentifier() or len(one) > 32] == []


def test_titles_are_unique_and_are_the_schemas_names(document: Path) -> None:
    schemas: dict[str, Any] = json.loads(document.read_text())["components"]["schemas"]
    titles = {name: schema.get("title", name) for name, schema in schemas.items()}
    assert {name: title for name, title in titles.items() if name != title} == {}
    assert [name for name in schemas if not name.isidentifier() or "_" in name] == []


def test_a_generated_python_client_has_every_operation(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.yaml").write_text("post_hooks: []\n")
    client = tmp_path / "generated_souk"
    made = subprocess.run(
        [
            sys.executable, "-m", "openapi_python_client", "generate", "--path", str(document), "--meta", "none",
            "--output-path", str(client), "--config", str(tmp_path / "config.yaml"), "--fail-on-warning",
        ],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(tmp_path)
    models = importlib.import_module("generated_souk.models")
    for name, tag in operation_ids(document).items():
        operation = importlib.import_module(f"generated_souk.api.{tag}.{name}")
        assert callable(operation.sync_detailed), name
    assert {field for field in models.ProductIn.__annotations__ if field != "additional_properties"} == {
        "store_id", "title", "description", "images",
    }  # fmt: skip


@pytest.fixture(scope="module")
def typescript(document: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the TypeScript client, generated from the document and compiled with its tests."""
    folder = tmp_path_factory.mktemp("typescript") / "client"
    shutil.copytree(TYPESCRIPT, folder, ignore=shutil.ignore_patterns("node_modules", "dist", "schema.ts"))
    (folder / "node_modules").symlink_to(INSTALLED)
    for script in ("generate", "build"):
        npm(folder, script, SOUK_OPENAPI=str(document))
    return folder


def npm(folder: Path, script: str, **variables: str) -> str:
    done = subprocess.run(
        ["npm", "run", script], check=False, capture_output=True, text=True, cwd=folder, env={**os.environ, **variables}
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


@needs_node
@pytest.mark.slow(seconds=60)
@pytest.mark.timeout(600)
def test_a_generated_typescript_client_has_every_operation(typescript: Path, document: Path) -> None:
    schema = (typescript / "src" / "schema.ts").read_text()
    declared = schema.partition("export interface operations {")[2]
    assert [name for name in operation_ids(document) if f"\n    {name}: {{" not in declared] == []


@needs_node
@pytest.mark.timeout(600)
def test_the_journey_of_the_typescript_client(typescript: Path, souk_url: str) -> None:
    told = npm(typescript, "test", SOUK=souk_url)
    assert "# pass 4" in told, told
    assert "# fail 0" in told, told


def test_the_lock_names_no_registry() -> None:
    packages = json.loads((TYPESCRIPT / "package-lock.json").read_text())["packages"]
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert all("integrity" in entry for name, entry in packages.items() if name)
