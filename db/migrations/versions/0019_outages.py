"""Heartbeats of the market's parts, its outages, and the dates that an outage moved."""

from db.migrations.scripts import run_back, run_forward

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
