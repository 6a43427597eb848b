"""A database into a file and back, by Postgres' own programs from the embedded wheel."""

import subprocess
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from db.migrate import make_roles, settle_epoch, upgrade
from souk.stack.errors import StackError
from souk.stack.postgres import environment, programs


def dump(url: str, file: Path) -> None:
    """Everything in the database as of one moment. Raises StackError when it cannot be read."""
    _run("pg_dump", url, "--format=custom", "--no-owner", f"--file={file}")


def is_empty(url: str) -> bool:
    """Whether there is no table in it yet."""
    with psycopg.connect(_without_driver(url)) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    return found == (0,)


def load(url: str, file: Path, *, replace: bool) -> int:
    """Fill a database from a dump, bring it to the newest schema and begin a new epoch, whose number is returned.

    ``replace`` drops what is in it. Raises StackError when it is not empty otherwise, or the dump cannot be loaded.
    """
    if not is_empty(url):
        if not replace:
            raise StackError("the database is not empty: give another one, or --replace to drop what is in it")
        with psycopg.connect(_without_driver(url)) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
            connection.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
    make_roles(url)
    # All or nothing: a half-loaded database would look like a market.
    _run("pg_restore", url, "--no-owner", "--exit-on-error", "--single-transaction", str(file))
    upgrade(url)
    epoch = settle_epoch(url, anew=True)
    assert epoch is not None
    return epoch


def _without_driver(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _run(program: str, url: str, *arguments: str) -> None:
    parsed = make_url(url).set(drivername="postgresql")
    # Not among the arguments, which everybody on the machine can read.
    secret = {} if parsed.password is None else {"PGPASSWORD": str(parsed.password)}
    where = parsed.set(password=None).render_as_string()
    done = subprocess.run(
        [str(programs() / program), *arguments, f"--dbname={where}"],
        check=False,
        capture_output=True,
        text=True,
        env=environment() | secret,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise StackError(f"{program} failed ({said[0]})")
