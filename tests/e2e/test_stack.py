"""``souk up`` from outside: what it prints, what survives, what never stays behind.

Most of it needs only Postgres and Temporal; the test marked slow runs API and worker too.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
from temporalio.client import Client

from souk.stack.background import BackgroundStack
from souk.stack.embedded import EmbeddedPostgres, EmbeddedTemporal
from souk.stack.errors import StackError
from souk.stack.inherit import inherited
from souk.stack.running import running_stack, stack_environment
from souk.stack.temporal import missing

NOWHERE = {"SOUK_DATABASE_URL": "", "SOUK_TEMPORAL_ADDRESS": ""}


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[BackgroundStack]:
    """Postgres and Temporal under a supervisor, not started yet; stopped at the end."""
    stack = BackgroundStack(tmp_path / "data", stores_only=True, variables=NOWHERE)
    yield stack
    stack.stop()


def eventually(check: Callable[[], bool], *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.1)


def family(supervisor: int) -> list[psutil.Process]:
    return psutil.Process(supervisor).children(recursive=True)


def child(stack: BackgroundStack, program: str) -> psutil.Process:
    """The running child of the supervisor that is a program, or ``souk`` with this command."""
    for process in psutil.Process(stack.process.pid).children():
        if process.status() == psutil.STATUS_ZOMBIE:
            continue
        if process.name() == program or process.cmdline()[1:4] == ["-m", "souk", program]:
            return process
    raise AssertionError(f"{program} does not run")


def gone(processes: list[psutil.Process]) -> bool:
    return all(not p.is_running() or p.status() == psutil.STATUS_ZOMBIE for p in processes)


def answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=60).close()
    except psycopg.OperationalError:
        return False
    return True


def test_one_json_line_says_where_everything_is_and_sigterm_ends_all(tmp_path: Path) -> None:
    data = tmp_path / "data"
    supervisor = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "souk",
            "up",
            "--json",
            "--stores-only",
            "--data-dir",
            str(data),
            "--api-port",
            "0",
            "--temporal-port",
            "0",
            "--ui-port",
            "0",
        ],
        stdout=subprocess.PIPE,
        text=True,
        env=inherited(NOWHERE),
    )
    try:
        assert supervisor.stdout is not None
        first = supervisor.stdout.readline()
        stack = running_stack(data)
        children = family(supervisor.pid)
        assert len(children) > 3
        assert (data / "stack.json").stat().st_mode & 0o777 == 0o600
        assert (data / "secrets.json").stat().st_mode & 0o777 == 0o600
        assert data.stat().st_mode & 0o066 == 0
        assert answers(stack.database)
        assert httpx.get(stack.temporal_ui, trust_env=False).status_code == httpx.codes.OK
        assert stack_environment(data)["SOUK_PAYLOAD_KEYS"].startswith("k1:")
        supervisor.send_signal(signal.SIGTERM)
        rest, _ = supervisor.communicate(timeout=240)
    finally:
        supervisor.kill()
    assert httpx.Response(200, text=first).json() == stack.addresses()
    assert (rest, supervisor.returncode) == ("", 0)
    assert gone(children)
    with pytest.raises(StackError, match=r"nothing is running in .*: start it with `souk up --data-dir"):
        running_stack(data)


def test_ctrl_c_while_it_starts_ends_all(tmp_path: Path) -> None:
    supervisor = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "souk",
            "up",
            "--stores-only",
            "--data-dir",
            str(tmp_path / "data"),
            "--api-port",
            "0",
            "--temporal-port",
            "0",
            "--ui-port",
            "0",
        ],
        env=inherited(NOWHERE),
    )
    try:
        eventually(lambda: len(family(supervisor.pid)) > 0)
        children = family(supervisor.pid)
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait(240) == 0
    finally:
        supervisor.kill()
    assert gone(children)


async def test_data_and_workflows_survive_a_kill_of_the_supervisor(stores: BackgroundStack) -> None:
    stack = stores.start()
    with psycopg.connect(stack.database) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    client = await Client.connect(stack.temporal, namespace="souk")
    await client.start_workflow("Nobody", id="kept", task_queue="nobody")
    secrets = stack.environment["SOUK_PAYLOAD_KEYS"]
    children = family(stack.pid)

    stores.process.kill()
    stores.process.wait()
    # The next start may come before the old children are gone: it waits for them.
    stack = stores.start()
    assert gone(children)
    with psycopg.connect(stack.database) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    client = await Client.connect(stack.temporal, namespace="souk")
    description = await client.get_workflow_handle("kept").describe()
    assert description.status is not None
    assert description.status.name == "RUNNING"
    assert stack.environment["SOUK_PAYLOAD_KEYS"] == secrets


def test_a_killed_supervisor_leaves_no_orphans(stores: BackgroundStack) -> None:
    children = family(stores.start().pid)
    stores.process.kill()
    stores.process.wait()
    eventually(lambda: gone(children))


@pytest.mark.parametrize("program", ["postgres", "temporal"])
async def test_a_killed_store_comes_back_at_the_same_address(stores: BackgroundStack, program: str) -> None:
    stack = stores.start()
    killed = child(stores, program)
    killed.kill()
    eventually(lambda: gone([killed]))
    eventually(lambda: child_runs(stores, program))
    eventually(lambda: answers(stack.database))
    deadline = time.monotonic() + 120
    while (problem := await missing(stack.temporal, "souk")) is not None:
        assert time.monotonic() < deadline, problem
    assert stores.running == stack
    assert f"{program} ended with code -9" in (stores.data_dir / "logs" / "souk.log").read_text()


def child_runs(stack: BackgroundStack, program: str) -> bool:
    return program in [p.name() for p in psutil.Process(stack.process.pid).children() if not gone([p])]


def test_a_child_that_keeps_dying_ends_the_stack(stores: BackgroundStack) -> None:
    children = family(stores.start().pid)
    while stores.process.poll() is None:
        supervisor = psutil.Process(stores.process.pid)
        for process in supervisor.children():
            if process.name() == "temporal":
                process.kill()
        time.sleep(0.05)
    assert stores.process.returncode == 1
    assert gone(children)
    with pytest.raises(StackError, match="nothing is running"):
        stores.running  # noqa: B018 - reading it is the test


def test_configured_stores_take_the_place_of_the_embedded(tmp_path: Path) -> None:
    with (
        EmbeddedPostgres(tmp_path / "own", fast=True) as postgres,
        EmbeddedTemporal(None) as temporal,
        BackgroundStack(
            tmp_path / "data",
            stores_only=True,
            variables={"SOUK_DATABASE_URL": postgres.url(), "SOUK_TEMPORAL_ADDRESS": temporal.address},
        ) as up,
    ):
        assert (up.running.database, up.running.temporal) == (postgres.url(), temporal.address)
        assert family(up.process.pid) == []
        with psycopg.connect(postgres.url()) as connection:
            assert connection.execute("SELECT to_regclass('alembic_version')").fetchone() != (None,)


@pytest.mark.slow
def test_the_whole_stack_serves_restarts_its_parts_and_ends(tmp_path: Path) -> None:
    whole = BackgroundStack(tmp_path / "data", variables=NOWHERE)
    try:
        stack = whole.start()
        assert httpx.get(f"{stack.api}/readyz", trust_env=False).status_code == httpx.codes.OK
        for part in ("api", "worker"):
            killed = child(whole, part)
            killed.kill()
            eventually(lambda process=killed: gone([process]))  # type: ignore[misc]
        # The supervisor keeps the socket: a client waits for the next API and is not refused.
        assert httpx.get(f"{stack.api}/livez", trust_env=False, timeout=240).status_code < 500
        eventually(lambda: httpx.get(f"{stack.api}/readyz", trust_env=False, timeout=240).status_code == httpx.codes.OK)
        children = family(stack.pid)
        whole.process.kill()
        whole.process.wait()
        eventually(lambda: gone(children))
        stack = whole.start()
        assert httpx.get(f"{stack.api}/readyz", trust_env=False).status_code == httpx.codes.OK
        children = family(stack.pid)
        assert whole.stop() == 0
        assert gone(children)
    finally:
        whole.stop()
