"""The ``souk`` command itself: it imports what a command needs, and a stack's parts hear of a port that was lost."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from config.settings import Settings
from souk.cli import PLACES, app
from souk.commands.up import _without_password
from souk.stack.data_dir import DataDirectory
from souk.stack.gate import Gate, wait_at
from souk.stack.signals import Signals
from souk.stack.supervisor import StackOptions, Supervisor, _Service
from souk.stack.variables import temporal_variables


@pytest.mark.parametrize("name", PLACES)
def test_every_command_is_where_the_list_says(name: str) -> None:
    done = CliRunner().invoke(app, [name, "--help"])
    assert done.exit_code == 0, done.output
    assert f"souk {name}" in done.output


def test_a_name_that_is_none_is_answered_with_one_that_is() -> None:
    done = CliRunner().invoke(app, ["bnch"])
    assert done.exit_code == 2
    assert "bench" in done.output


def test_up_is_open_for_work_without_what_other_commands_import() -> None:
    heavy = ("sqlalchemy", "temporalio", "fastapi", "alembic", "httpx", "souk.bench", "souk.drills", "souk.trading")
    code = f"import souk.cli, souk.commands.up, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_gate_holds_until_it_is_opened_and_lets_late_comers_through() -> None:
    gate = Gate()
    code = "import sys; from souk.stack.gate import wait_at; wait_at(int(sys.argv[1])); print('through')"

    def child() -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", code, str(gate.reader)]
        return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, pass_fds=[gate.reader])

    waiting = child()
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(1)
    gate.open()
    assert waiting.communicate(timeout=30) == ("through\n", None)
    assert child().communicate(timeout=30) == ("through\n", None)
    wait_at(gate.reader)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://souk@/souk?host=/data/postgres", "postgresql://souk@/souk?host=/data/postgres"),
        ("postgresql://souk:hu%40sh@db.internal:5432/souk", "postgresql://souk:***@db.internal:5432/souk"),
    ],
)
def test_the_database_is_shown_without_its_password(url: str, shown: str) -> None:
    assert _without_password(url) == shown


class _Temporal(SimpleNamespace):
    """Loses the port it had chosen while it starts."""

    port = 7001
    ui_port = 8001
    address = property(lambda self: f"127.0.0.1:{self.port}")
    ui_url = property(lambda self: f"http://127.0.0.1:{self.ui_port}")

    def wait_ready(self, **_: Any) -> None:
        self.port += self.loses


@pytest.mark.parametrize("loses", [0, 1])
def test_parts_that_were_told_a_lost_port_are_started_anew(tmp_path: Path, loses: int) -> None:
    settings, temporal, done = Settings(), _Temporal(loses=loses), []
    with DataDirectory(tmp_path / "data") as data, Signals() as signals:
        supervisor = Supervisor(data, StackOptions(), settings, signals, lambda _: None)
        supervisor._environment = temporal_variables(settings, temporal)
        for name in ("postgres", "api"):
            child: Any = SimpleNamespace(name=name)
            supervisor._services.append(
                _Service(child, lambda n=name: done.append(f"spawn {n}"), lambda n=name: done.append(f"stop {n}"))
            )
        supervisor._open_temporal(temporal)
    assert done == (["stop api", "spawn api"] if loses else [])
    assert supervisor._environment["SOUK_TEMPORAL_ADDRESS"] == f"127.0.0.1:{7001 + loses}"
