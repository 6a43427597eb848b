"""Live inboxes: whose rows a process of the API may look for, and when somebody is reminded."""

from db.migrations.scripts import run_back, run_forward

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_forward(revision)


def downgrade() -> None:
    run_back(revision)
