"""What every idempotent route shares: the key, the scope its record lives in, and answering from the record."""

from fastapi import Request
from starlette.responses import Response

from api.context import AppContext
from api.errors import document, refusal_text
from api.platform.auth import Caller, Identity, Operator
from api.platform.idempotency_keys import check_key, request_hash
from db.platform import idempotency as records
from db.platform.ids import new_id
from db.platform.transactions import Transaction
from domain.platform import errors
from domain.platform.errors import DomainError

REPLAYED = "Idempotent-Replayed"
_LOOK_AGAIN_SECONDS = 1.0


class Claims:
    """One request's claim to be done once, and its answer from the record."""

    personal = False
    """Whether answers hold personal data, which is not kept as long as other answers."""

    def __init__(self, request: Request, context: AppContext, found: Identity | None, key: str | None) -> None:
        if key is not None:
            check_key(key)
        self.request = request
        self.context = context
        self.database = context.database
        self.key = key
        self.found = found
        match found:
            case Caller():
                self.scope = found.agent_id
            case Operator():
                self.scope = found.key_id
            case None:
                # Nobody yet: what is remembered under a fresh scope is found by no other request.
                self.scope = new_id()

    async def _claim(self, transaction: Transaction, lease_seconds: float | None) -> records.Claim | records.Stored:
        assert self.key is not None
        found = await records.claim(
            transaction,
            self.scope,
            records.hash_key(self.key),
            await request_hash(self.request),
            lease_seconds,
            self.context.presence.holder,
        )
        match found:
            case records.InFlight():
                # A holder that dies meanwhile is noticed at the next try, long before its lease ends.
                soon = min(found.seconds_left, _LOOK_AGAIN_SECONDS)
                raise errors.IDEMPOTENCY_IN_FLIGHT.error(retry_after_seconds=soon)
            case records.Reused():
                raise errors.IDEMPOTENCY_KEY_REUSED.error()
        return found

    def _replay(self, stored: records.Stored) -> Response:
        answer = self._document(stored.status_code, stored.text)
        answer.headers[REPLAYED] = "true"
        return answer

    def _refusal_text(self, refused: DomainError) -> tuple[int, str]:
        return refusal_text(refused, self.request)

    async def _keep_refusal(self, refused: DomainError) -> Response | records.Stored:
        """Answer and keep a refusal that rolled its claim back. A twin that fared better has the last word."""
        status, text = self._refusal_text(refused)
        async with self.database.transaction(viewer=self.scope) as transaction:
            found = await self._claim(transaction, None)
            if isinstance(found, records.Stored):
                return found
            await records.complete(transaction, found.command_id, status, text)
        return self._document(status, text, refused)

    def _document(self, status: int, text: str, refused: DomainError | None = None) -> Response:
        return document(status, text, refused, scope=self.request.scope)
