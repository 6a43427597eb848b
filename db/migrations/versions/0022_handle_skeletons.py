"""Handles that look alike belong to one agent: the database keeps what they have in common."""

from db.migrations.scripts import run_back, run_forward

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
