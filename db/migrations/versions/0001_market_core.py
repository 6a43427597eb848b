"""The market core. Written as SQL by hand: autogenerate misses enums, partitions, policies and triggers."""

from pathlib import Path

import psycopg
from alembic import op

revision = "0001"
down_revision = None

_SQL = Path(__file__).parent.parent / "sql" / "0001"


def _run(path: Path) -> None:
    # Past SQLAlchemy, without parameters: '%' and ':' in the files mean themselves.
    driver = op.get_bind().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    driver.execute(path.read_text(encoding="utf-8").encode())


def upgrade() -> None:
    for path in sorted(_SQL.glob("0*.sql")):
        _run(path)


def downgrade() -> None:
    _run(_SQL / "down.sql")
