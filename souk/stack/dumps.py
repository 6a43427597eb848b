"""A database into a file and back, by Postgres' own programs from the embedded wheel."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO

import psycopg
from sqlalchemy.engine import make_url

from db.migrate import make_roles, settle_epoch, upgrade
from souk.stack.errors import StackError
from souk.stack.postgres import environment, programs

_DROP = b"""DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
GRANT USAGE ON SCHEMA public TO PUBLIC;
"""


def dump(url: str, file: Path) -> None:
    """Everything in the database as of one moment. Raises StackError when it cannot be read."""
    with tempfile.TemporaryFile() as said:
        _end("pg_dump", _start("pg_dump", url, ["--format=custom", "--no-owner", f"--file={file}"], said), said)


def is_empty(url: str) -> bool:
    """Whether there is no table in it yet."""
    with psycopg.connect(_without_driver(url)) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    return found == (0,)


def load(url: str, file: Path, *, replace: bool) -> int:
    """Fill a database from a dump, bring it to the newest schema and begin a new epoch, whose number is returned.

    ``replace`` drops what is in it, in the transaction that loads the dump: when that fails, it is still there.
    Raises StackError when it is not empty otherwise, or the dump cannot be loaded.
    """
    filled = not is_empty(url)
    if filled and not replace:
        raise StackError("the database is not empty: give another one, or --replace to drop what is in it")
    make_roles(url)
    _fill(url, file, _DROP if filled else b"")
    upgrade(url)
    epoch = settle_epoch(url, anew=True)
    assert epoch is not None
    return epoch


def _without_driver(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _fill(url: str, file: Path, first: bytes) -> None:
    """Run the statements ``first`` and those of the dump in one transaction, committed once the dump was read whole."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as unread:
        arguments = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"]
        psql = _start("psql", url, arguments, said, stdin=subprocess.PIPE)
        reading = _start("pg_restore", None, ["--no-owner", "--file=-", str(file)], unread, stdout=subprocess.PIPE)
        assert psql.stdin
        assert reading.stdout
        both = [("pg_restore", reading, unread), ("psql", psql, said)]
        try:
            with psql.stdin, reading.stdout:
                psql.stdin.write(b"BEGIN;\nSET client_min_messages = warning;\n" + first)
                shutil.copyfileobj(reading.stdout, psql.stdin)
                if reading.wait() == 0:
                    psql.stdin.write(b"COMMIT;\n")
        except BrokenPipeError:
            # It was psql that ended first, and says why.
            both.reverse()
        for ended in both:
            _end(*ended)


def _start(
    program: str,
    url: str | None,
    arguments: list[str],
    errors: IO[bytes],
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    variables = environment()
    if url is not None:
        parsed = make_url(url).set(drivername="postgresql")
        arguments = [*arguments, f"--dbname={parsed.set(password=None).render_as_string()}"]
        if parsed.password is not None:
            # Not among the arguments, which everybody on the machine can read.
            variables["PGPASSWORD"] = str(parsed.password)
    command = [str(programs() / program), *arguments]
    return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=errors, env=variables)


def _end(name: str, program: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    code = program.wait()
    if code:
        errors.seek(0)
        lines = errors.read().decode(errors="replace").strip().splitlines() or [f"exit code {code}"]
        first = next((line for line in lines if "error" in line.lower()), lines[-1])
        raise StackError(f"{name} failed ({first})")
