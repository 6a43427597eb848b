"""``souk audit``: the invariants, from the database and Temporal or through the API."""

import httpx

from activities.platform.auditing import audit_processes, audit_projections
from db.platform.database import Database
from db.platform.ids import new_id
from domain.platform.messages import AuditFinding
from souk.checks.target import DatabaseTarget
from souk.stack.errors import StackError

_AUDIT_SECONDS = 600.0


async def audit_database(target: DatabaseTarget) -> list[AuditFinding]:
    """All of them; the eighth is marked unchecked when no Temporal is known.

    Raises psycopg.Error for a database that cannot be read, StackError for a Temporal that is away.
    """
    database = Database(target.url, 2, "souk-audit")
    try:
        findings = await audit_projections(database, target.specs.rows)
        if not target.settings.temporal_address:
            name = "processes and projections: not checked, set SOUK_TEMPORAL_ADDRESS and SOUK_PAYLOAD_KEYS"
            return [*findings, AuditFinding(invariant=8, name=name, breaches=0, checked=False)]
        return [*findings, await audit_processes(await target.connect(), database, target.specs)]
    finally:
        await database.close()


async def audit_api(api: str, operator_key: str | None) -> list[AuditFinding]:
    """All of them, by the audit process of the Souk behind ``api``. Raises StackError when it cannot."""
    if not operator_key:
        raise StackError(
            "an audit through the API needs an operator's key: make one with `souk operator create-key NAME` "
            "and give it with --operator-key or SOUK_OPERATOR_KEY"
        )
    headers = {"Authorization": f"Bearer {operator_key}", "Idempotency-Key": str(new_id())}
    try:
        async with httpx.AsyncClient(base_url=api, timeout=_AUDIT_SECONDS) as client:
            answer = await client.post("/v1/operations/audit", headers=headers)
    except httpx.TransportError as error:
        raise StackError(f"no Souk answers at {api}: is it running?") from error
    if answer.status_code != httpx.codes.OK:
        detail = answer.json().get("detail", answer.text) if "json" in answer.headers["content-type"] else answer.text
        raise StackError(f"{api} refused the audit ({answer.status_code}): {detail}")
    return [AuditFinding.model_validate({**found, "checked": True}) for found in answer.json()["findings"]]
