"""The command line on a running Souk's database and Temporal; in this process, for it is called often."""

from typer.testing import CliRunner

from souk.cli import app
from tests.conftest import TEST_KEY_RING
from tests.running import RunningSouk


def souk(running: RunningSouk, *arguments: str) -> tuple[int, str]:
    """Exit code and output."""
    settings = running.settings
    environment = {
        "SOUK_TEMPORAL_ADDRESS": settings.temporal_address,
        "SOUK_PAYLOAD_KEYS": TEST_KEY_RING,
        "COLUMNS": "300",
    }
    done = CliRunner().invoke(app, [*arguments, "--database", settings.database_url], env=environment)
    if not isinstance(done.exception, SystemExit | None):
        raise done.exception
    return done.exit_code, done.output
