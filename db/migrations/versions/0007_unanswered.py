"""An index of the requests nobody has been answered: what the sweep looks through for commands that were lost."""

from db.migrations.scripts import run_back, run_forward

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
