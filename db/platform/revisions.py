"""Whether a database has this code's schema: asked at every start, so without Alembic, which is slow to import."""

from pathlib import Path
from typing import Any

import psycopg

from db.platform.roles import API_ROLE, WORKER_ROLE

_VERSIONS = Path(__file__).parents[1] / "migrations" / "versions"


def newest_revision() -> str:
    """The revision that ``db.migrate.upgrade`` leads to; files of revisions begin with their number."""
    return max(path.name.partition("_")[0] for path in _VERSIONS.glob("[0-9]*_*.py"))


def is_migrated(connection: psycopg.Connection[Any]) -> bool:
    """Whether there is nothing left to migrate: the newest revision is in place, and the login roles exist."""
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return False
    version = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    roles = connection.execute("SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s)", [[API_ROLE, WORKER_ROLE]])
    return version == (newest_revision(),) and roles.fetchone() == (2,)
