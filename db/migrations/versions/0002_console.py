"""What operators may see, and the one way to a term of an offer: through the operators' log."""

from db.migrations.scripts import run_back, run_forward

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
