"""Runs the SQL a revision consists of: the files of ``sql/<revision>/``, in the order of their names."""

from pathlib import Path

import psycopg
from alembic import op

_SQL = Path(__file__).parent / "sql"
_BACK = "down.sql"


def run_forward(revision: str) -> None:
    """Every file of the revision but the way back."""
    for path in sorted((_SQL / revision).glob("*.sql")):
        if path.name != _BACK:
            _run(path)


def run_back(revision: str) -> None:
    _run(_SQL / revision / _BACK)


def _run(path: Path) -> None:
    # Past SQLAlchemy, without parameters: '%' and ':' in the files mean themselves.
    driver = op.get_bind().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    driver.execute(path.read_text(encoding="utf-8").encode())
