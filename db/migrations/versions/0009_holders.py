"""Who holds an unfinished request, so that one whose process died is taken up at once."""

from db.migrations.scripts import run_back, run_forward

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
