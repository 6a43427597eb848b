"""What operators may see, and the one way to a term of an offer: through the operators' log."""

from pathlib import Path

import psycopg
from alembic import op

revision = "0002"
down_revision = "0001"

_SQL = Path(__file__).parent.parent / "sql" / "0002"


def _run(path: Path) -> None:
    # Past SQLAlchemy, without parameters: '%' and ':' in the files mean themselves.
    driver = op.get_bind().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    driver.execute(path.read_text(encoding="utf-8").encode())


def upgrade() -> None:
    _run(_SQL / "console.sql")


def downgrade() -> None:
    _run(_SQL / "down.sql")
