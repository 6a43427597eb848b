"""``souk up`` from outside: what it prints, what survives, what never stays behind, and what it says when
it cannot start. Most of it needs only Postgres and Temporal; the tests marked slow run API and worker too.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
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
from souk.stack.running import running_stack, stack_environment
from souk.stack.temporal import missing

pytestmark = pytest.mark.timeout(180)

NOWHERE = {"SOUK_DATABASE_URL": "", "SOUK_TEMPORAL_ADDRESS": ""}


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[BackgroundStack]:
    """Postgres and Temporal under a supervisor, not started yet; stopped at the end."""
    stack = BackgroundStack(tmp_path / "data", stores_only=True, variables=NOWHERE)
    yield stack
    stack.stop()


def refused(*arguments: str, **variables: str) -> str:
    """Run ``souk`` where it cannot start: exit code 2 and one line on stderr, which is returned."""
    done = subprocess.run(
        [sys.executable, "-m", "souk", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | NOWHERE | variables,
    )
    lines = done.stderr.strip().splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (2, "", 1), done.stderr
    assert lines[0].startswith("souk: ")
    return lines[0]


def refused_up(data_dir: Path, *arguments: str, **variables: str) -> str:
    ports = [option for name in ("api", "temporal", "ui") for option in (f"--{name}-port", "0")]
    return refused("up", "--stores-only", "--data-dir", str(data_dir), *ports, *arguments, **variables)


def eventually(check: Callable[[], bool], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.1)


def family(supervisor: int) -> list[psutil.Process]:
    return psutil.Process(supervisor).children(recursive=True)


def child(stack: BackgroundStack, program: str) -> psutil.Process:
    """The direct child of the supervisor that runs a program (or a ``souk`` command)."""
    found = [p for p in psutil.Process(stack.process.pid).children() if program in p.cmdline()[:4]]
    found += [p for p in psutil.Process(stack.process.pid).children() if p.name() == program]
    return found[0]


def gone(processes: list[psutil.Process]) -> bool:
    return all(not p.is_running() or p.status() == psutil.STATUS_ZOMBIE for p in processes)


def answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def test_one_json_line_says_where_everything_is_and_sigterm_ends_all(tmp_path: Path) -> None:
    data = tmp_path / "data"
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "souk", "up", "--json", "--stores-only", "--data-dir", str(data)]
        + ["--api-port", "0", "--temporal-port", "0", "--ui-port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | NOWHERE,
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
        rest, _ = supervisor.communicate(timeout=60)
    finally:
        supervisor.kill()
    assert httpx.Response(200, text=first).json() == stack.addresses()
    assert (rest, supervisor.returncode) == ("", 0)
    assert gone(children)
    with pytest.raises(StackError, match="nothing is running in .*: start it with `souk up --data-dir"):
        running_stack(data)


def test_ctrl_c_while_it_starts_ends_all(tmp_path: Path) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "souk", "up", "--stores-only", "--data-dir", str(tmp_path / "data")]
        + ["--api-port", "0", "--temporal-port", "0", "--ui-port", "0"],
        env=os.environ | NOWHERE,
    )
    try:
        eventually(lambda: len(family(supervisor.pid)) > 0)
        children = family(supervisor.pid)
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait(60) == 0
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
    eventually(lambda: gone(children), seconds=20)


@pytest.mark.parametrize("program", ["postgres", "temporal"])
async def test_a_killed_store_comes_back_at_the_same_address(stores: BackgroundStack, program: str) -> None:
    stack = stores.start()
    killed = child(stores, program)
    killed.kill()
    eventually(lambda: gone([killed]))
    eventually(lambda: child_runs(stores, program))
    eventually(lambda: answers(stack.database))
    deadline = time.monotonic() + 30
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


@pytest.mark.parametrize("option", ["--api-port", "--temporal-port", "--ui-port"])
def test_a_taken_port_is_named(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refused_up(tmp_path / "data", option, port)
    assert said == f"souk: port {port} is taken: choose another with {option}, or 0 for any free one"


def test_a_directory_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    assert "holds something else than Souk's data: choose another with --data-dir" in refused_up(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]
    assert "is not a directory" in refused_up(tmp_path / "photo.jpg")
    assert "cannot be used" in refused_up(tmp_path / "photo.jpg" / "data")
    assert "cannot be used" in refused_up(Path("/proc/souk"))


def test_a_directory_in_use_names_who_uses_it(stores: BackgroundStack) -> None:
    stack = stores.start()
    said = refused_up(stores.data_dir)
    assert said.startswith(f"souk: another souk (pid {stack.pid}) uses {stores.data_dir}: ")
    assert answers(stack.database)


def test_data_that_this_souk_cannot_read_are_refused(stores: BackgroundStack) -> None:
    stores.start()
    stores.stop()
    version = stores.data_dir / "postgres" / "PG_VERSION"
    version.write_text("17\n")
    assert "was made by Postgres 17 and this Souk runs 18" in refused_up(stores.data_dir)
    version.write_text("18\n")
    (stores.data_dir / "secrets.json").unlink()
    assert "secrets.json is missing" in refused_up(stores.data_dir)


def test_an_unreachable_database_or_temporal_is_named_without_its_password(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"postgresql://souk:hush@127.0.0.1:{port}/souk"
    for said in (
        refused_up(tmp_path / "data", SOUK_DATABASE_URL=url),
        refused("migrate", SOUK_DATABASE_URL=url),
    ):
        assert f"127.0.0.1:{port}/souk cannot be reached" in said
        assert "SOUK_DATABASE_URL" in said
        assert "hush" not in said
    said = refused_up(tmp_path / "data", SOUK_TEMPORAL_ADDRESS=f"127.0.0.1:{port}")
    assert f"Temporal at 127.0.0.1:{port} cannot be used" in said
    assert "SOUK_DATABASE_URL is no database URL" in refused("migrate", SOUK_DATABASE_URL="nonsense")


@pytest.mark.parametrize("command", ["api", "worker", "migrate"])
def test_a_part_without_settings_says_which_are_missing(command: str) -> None:
    assert "SOUK_DATABASE_URL is not set" in refused(command)


def test_a_wrong_setting_is_named() -> None:
    assert "SOUK_API_PORT is wrong" in refused("migrate", SOUK_API_PORT="many")


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


def test_embedded_servers_end_with_their_parent(tmp_path: Path) -> None:
    script = f"""if True:
        import os, pathlib, psutil
        from souk.stack.embedded import EmbeddedPostgres, EmbeddedTemporal
        EmbeddedPostgres(pathlib.Path({str(tmp_path)!r}), fast=True).start()
        EmbeddedTemporal(None).start()
        print(*(p.pid for p in psutil.Process().children(recursive=True)), flush=True)
        os.kill(os.getpid(), 9)
    """
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=60
    )
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) > 2, done.stderr
    eventually(lambda: not any(psutil.pid_exists(pid) for pid in pids), seconds=20)


def test_a_long_path_and_an_odd_one_hold_a_cluster(tmp_path: Path) -> None:
    odd = tmp_path / "a very long directory with a % and 'quotes'" / ("x" * 80)
    with EmbeddedPostgres(odd, fast=True) as postgres:
        assert postgres.socket_dir != postgres.cluster
        assert postgres.socket_dir.stat().st_mode & 0o777 == 0o700
        assert answers(postgres.url())
    assert not postgres.socket_dir.exists()


def test_a_lock_file_that_names_a_stranger_does_not_stop_postgres(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, fast=True) as postgres:
        lock = (postgres.cluster / "postmaster.pid").read_text()
    (postgres.cluster / "postmaster.pid").write_text(lock.replace(lock.split()[0], str(os.getpid()), 1))
    with postgres:
        assert answers(postgres.url())


def test_a_server_is_not_started_from_a_thread_that_would_end_it(tmp_path: Path) -> None:
    raised: list[BaseException] = []

    def start() -> None:
        try:
            EmbeddedTemporal(tmp_path).spawn()
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(raised[0])


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
        assert httpx.get(f"{stack.api}/livez", trust_env=False, timeout=60).status_code < 500
        eventually(
            lambda: (
                httpx.get(f"{stack.api}/readyz", trust_env=False, timeout=60).status_code == httpx.codes.OK
            )
        )
        children = family(stack.pid)
        whole.process.kill()
        whole.process.wait()
        eventually(lambda: gone(children), seconds=45)
        stack = whole.start()
        assert httpx.get(f"{stack.api}/readyz", trust_env=False).status_code == httpx.codes.OK
        children = family(stack.pid)
        assert whole.stop() == 0
        assert gone(children)
    finally:
        whole.stop()
