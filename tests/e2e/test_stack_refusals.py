"""What ``souk`` says when it cannot start: one line that names what is wrong and what to do, exit code 2."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from souk.stack.background import BackgroundStack
from souk.stack.embedded import EmbeddedPostgres
from souk.stack.inherit import inherited

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
        timeout=240,
        env=inherited(NOWHERE | variables),
    )
    lines = done.stderr.strip().splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (2, "", 1), done.stderr
    assert lines[0].startswith("souk: ")
    return lines[0]


def refused_up(data_dir: Path, *arguments: str, **variables: str) -> str:
    ports = [option for name in ("api", "temporal", "ui") for option in (f"--{name}-port", "0")]
    return refused("up", "--stores-only", "--data-dir", str(data_dir), *ports, *arguments, **variables)


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
    psycopg.connect(stack.database).close()


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


def test_a_migration_to_nowhere_fails_in_one_line(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, fast=True) as postgres:
        said = refused("migrate", "--to", "nowhere", SOUK_DATABASE_URL=postgres.url())
    assert "the migration failed and was rolled back" in said


def test_a_wrong_setting_is_named() -> None:
    assert "SOUK_API_PORT is wrong" in refused("migrate", SOUK_API_PORT="many")
