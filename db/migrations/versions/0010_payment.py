"""Whether an order is paid, since when, and from whom that is known."""

from db.migrations.scripts import run_back, run_forward

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
