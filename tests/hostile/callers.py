"""The callers of these tests, and the key of an operator."""

from config.settings import Settings
from souk.checks.operators import make_operator_key
from souk.drills.attack.callers import KINDS, Callers

__all__ = ["KINDS", "PROFILE", "Callers", "make_callers", "operator_key"]

PROFILE = "https://platform.example/ucp.json"


async def operator_key(settings: Settings) -> str:
    return await make_operator_key(settings.role_url("owner"), "hostile tests")


def make_callers(url: str, key: str) -> Callers:
    """``key``: an operator's."""
    return Callers.make(url, key, {"UCP-Agent": f'profile="{PROFILE}"'})
