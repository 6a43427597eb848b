"""The callers of these tests, and the key of an operator."""

from api.checkout.profiles import Profile
from config.settings import Settings
from domain.checkout.ucp import CAPABILITIES, VERSION
from souk.checks.operators import make_operator_key
from souk.drills.attack.callers import KINDS, Callers
from tests.running import RunningSouk

__all__ = ["KINDS", "PROFILE", "Callers", "know_platform", "make_callers", "operator_key"]

PROFILE = "https://platform.example/ucp.json"


async def operator_key(settings: Settings) -> str:
    return await make_operator_key(settings.role_url("owner"), "hostile tests")


def make_callers(url: str, key: str) -> Callers:
    """``key``: an operator's."""
    return Callers.make(url, key, {"UCP-Agent": f'profile="{PROFILE}"'})


def know_platform(souk: RunningSouk) -> None:
    """A platform without keys that is known already: nobody here reaches the outside."""
    known = Profile(PROFILE, capabilities=dict.fromkeys(CAPABILITIES, (VERSION,)))
    souk.app.state.context.profiles._keep(PROFILE, known, 3_600)
