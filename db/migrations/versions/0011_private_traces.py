"""What private acts leave behind (times, sources, subjects) goes out of everybody's sight."""

from db.migrations.scripts import run_back, run_forward

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
