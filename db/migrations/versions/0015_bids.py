"""An index of buyers' bids by store: how many of them thresholds may answer."""

from db.migrations.scripts import run_back, run_forward

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
