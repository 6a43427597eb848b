"""Operators hide messages: their words go where no reader of the market can look, and come back from there."""

from db.migrations.scripts import run_back, run_forward

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
