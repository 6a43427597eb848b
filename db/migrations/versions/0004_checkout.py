"""Checkout sessions and carts of shopping platforms (UCP)."""

from db.migrations.scripts import run_back, run_forward

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
