"""The header UCP-Agent: who a request says it comes from, and which version of the protocol it speaks."""

import re
from dataclasses import dataclass

from api.checkout.fields import members_of
from domain.checkout.ucp import VERSION
from domain.checkout.ucp_errors import INVALID_PROFILE_URL, VERSION_UNSUPPORTED

_MAX_URL = 2_048
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Claim:
    """What the header says; nothing of it is proven. ``version`` is None when the profile is to tell."""

    profile_url: str
    version: str | None


def read_agent(header: str | None) -> Claim:
    """Read the header, an RFC 8941 dictionary. Raises invalid_profile_url."""
    members = members_of(header)
    profile, parameters = members.get("profile", (None, {}))
    if not isinstance(profile, str) or not profile or len(profile) > _MAX_URL:
        raise INVALID_PROFILE_URL.error()
    version = parameters.get("version") or members.get("version", (None, {}))[0]
    return Claim(profile, str(version) if version is not None else None)


def check_version(version: str, *, older_too: bool = False) -> None:
    """Raises version_unsupported. ``older_too`` lets dates before ours pass: the test mode's leniency."""
    if version == VERSION or (older_too and _DATE.fullmatch(version) and version < VERSION):
        return
    raise VERSION_UNSUPPORTED.error(f"Souk speaks version {VERSION} of UCP and no other.")
