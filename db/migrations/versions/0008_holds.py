"""A buyer may let go of what is held for it, and what is held counts as open."""

from db.migrations.scripts import run_back, run_forward

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
