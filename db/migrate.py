"""Runs migrations, and makes the two login roles the schema grants rights to.

Roles belong to the whole Postgres cluster, so they are made here and not in a revision, and survive a
downgrade. Two migrations at once wait for each other on an advisory lock.
"""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url

from db.platform.epochs import is_behind, raise_epoch
from db.platform.roles import API_ROLE, WORKER_ROLE

_LOCK = 7_305_811_201


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _make_roles(connection: Connection, password: str | None) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    for role in (API_ROLE, WORKER_ROLE):
        if connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}):
            continue
        driver.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        if password:
            driver.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password)))


def _run(owner_url: str, revision: str, *, down: bool) -> None:
    url = make_url(owner_url).set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            try:
                _make_roles(connection, url.password)
                connection.commit()
                (command.downgrade if down else command.upgrade)(_config(connection), revision)
                connection.commit()
            finally:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
    finally:
        engine.dispose()


def make_roles(owner_url: str) -> None:
    """Make the login roles that are missing in the cluster: a dump grants them rights before anything is migrated."""
    url = make_url(owner_url).set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            _make_roles(connection, url.password)
    finally:
        engine.dispose()


def settle_epoch(owner_url: str, *, anew: bool = False) -> int | None:
    """Raise the epoch of places in the feeds where the cluster is another one, or ``anew`` anyhow.

    Returns its number when it was raised (``db.platform.epochs``).
    """
    conninfo = make_url(owner_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(conninfo) as connection:
        return raise_epoch(connection) if anew or is_behind(connection) else None


def upgrade(owner_url: str, revision: str = "head") -> None:
    """Bring the database at ``owner_url`` to ``revision``.

    New roles get the owner's password, so that URLs derived from the owner's work. Raises
    ``sqlalchemy.exc.OperationalError`` when the database cannot be reached.
    """
    _run(owner_url, revision, down=False)


def downgrade(owner_url: str, revision: str = "base") -> None:
    """Take the database back to ``revision``. Data of dropped tables is lost."""
    _run(owner_url, revision, down=True)
