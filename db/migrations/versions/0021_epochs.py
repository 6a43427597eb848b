"""Places in the feeds carry an epoch, which a restore raises: transaction ids of another cluster begin lower."""

from db.migrations.scripts import run_back, run_forward

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
