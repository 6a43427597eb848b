"""Orders that nobody pays end, sellers may decline, and what a buyer has unpaid is counted."""

from db.migrations.scripts import run_back, run_forward

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
