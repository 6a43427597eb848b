"""The ``SOUK_*`` variables a stack's parts are started with: settings, with what is embedded in their place."""

import json
from collections.abc import Mapping

from config.contexts import CONTEXTS
from config.settings import Settings
from souk.stack.embedded import EmbeddedPostgres, EmbeddedTemporal

POLICIES = tuple(spec.name for spec in CONTEXTS.all if spec.policy is not None)
"""Settings by which workflows are started: a doctor in another shell has to start them by the same."""


def part_variables(
    settings: Settings,
    secrets: Mapping[str, str],
    api_port: int,
    postgres: EmbeddedPostgres | None,
    temporal: EmbeddedTemporal | None,
) -> dict[str, str]:
    """What API, worker and migrations are started with."""
    return {
        "SOUK_DATABASE_URL": postgres.url() if postgres else settings.database_url,
        # With an embedded database these follow from the owner's.
        "SOUK_API_DATABASE_URL": "" if postgres else settings.api_database_url,
        "SOUK_WORKER_DATABASE_URL": "" if postgres else settings.worker_database_url,
        "SOUK_PAYLOAD_KEYS": settings.payload_keys.get_secret_value() or secrets["SOUK_PAYLOAD_KEYS"],
        "SOUK_CREDENTIAL_SECRET": settings.credential_secret.get_secret_value() or secrets["SOUK_CREDENTIAL_SECRET"],
        "SOUK_UCP_SIGNING_KEYS": settings.ucp_signing_keys.get_secret_value() or secrets["SOUK_UCP_SIGNING_KEYS"],
        "SOUK_API_HOST": settings.api_host,
        "SOUK_API_PORT": str(api_port),
        # Decided once, before what is embedded takes the place of settings: an unknown is not asked again.
        "SOUK_SERVES_OTHERS": str(not settings.is_alone).lower(),
        **temporal_variables(settings, temporal),
        **{f"SOUK_{name.upper()}": getattr(settings, name).model_dump_json(exclude_unset=True) for name in POLICIES},
    }


def temporal_variables(settings: Settings, temporal: EmbeddedTemporal | None) -> dict[str, str]:
    """Where Temporal is, and which pages may ask to have payloads decoded."""
    origins = list(settings.temporal_codec_origins)
    if temporal:
        origins = origins or [temporal.ui_url, f"http://localhost:{temporal.ui_port}"]
    return {
        "SOUK_TEMPORAL_ADDRESS": temporal.address if temporal else settings.temporal_address,
        "SOUK_TEMPORAL_NAMESPACE": settings.temporal_namespace,
        "SOUK_TEMPORAL_UI_URL": temporal.ui_url if temporal else settings.temporal_ui_url,
        "SOUK_TEMPORAL_CODEC_ORIGINS": json.dumps(origins),
    }
