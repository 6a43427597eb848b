"""Trust that a refund takes back, and what the fold looks up by order, payment and decay."""

from db.migrations.scripts import run_back, run_forward

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
