"""A store's owner keeps a customer away."""

from db.migrations.scripts import run_back, run_forward

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
