"""A declined refund may be appealed once, and operators decide."""

from db.migrations.scripts import run_back, run_forward

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
