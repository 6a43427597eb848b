"""Signing secrets in the form of Standard Webhooks: ``whsec_`` and base64.

They are stored nowhere: each is an HMAC of the installation's credential secret over the endpoint's id and the
secret's version, so API and worker derive the same one and a stolen database signs nothing.
"""

import base64
import hmac
from datetime import datetime
from uuid import UUID

_PURPOSE = b"souk webhook secret\x00"
PREFIX = "whsec_"


def derive_secret(credential_secret: bytes, webhook_id: UUID, version: int) -> str:
    """The secret of one endpoint's version. Raises ValueError when there is nothing to derive it from."""
    if not credential_secret:
        raise ValueError("no credential secret is set")
    seed = _PURPOSE + webhook_id.bytes + version.to_bytes(4, "big")
    return PREFIX + base64.b64encode(hmac.digest(credential_secret, seed, "sha256")).decode()


def signing_versions(version: int, previous_until: datetime | None, now: datetime) -> list[int]:
    """The versions that sign now, the newest first: two while a rotation's overlap lasts."""
    overlap = previous_until is not None and now < previous_until
    return [version, version - 1] if overlap and version > 1 else [version]
