"""Which quote of a session its platform was answered: no other is completed."""

from db.migrations.scripts import run_back, run_forward

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
