"""Webhook endpoints and what could not be delivered to them."""

from db.migrations.scripts import run_back, run_forward

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
