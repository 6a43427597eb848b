"""Search forgives accents, spelling and whole sentences, and finds parts of words that are written without blanks."""

from db.migrations.scripts import run_back, run_forward

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
