"""The market core. Written as SQL by hand: autogenerate misses enums, partitions, policies and triggers."""

from db.migrations.scripts import run_back, run_forward

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
