"""Reads of a long past: trust gained lately by its time, and standing offers by their date for operators."""

from db.migrations.scripts import run_back, run_forward

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
