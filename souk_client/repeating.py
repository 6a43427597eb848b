"""When a request is sent again: the one copy of the rules, for the sync and the async client.

Worth repeating are: no connection, a timeout, 429, 502-504, 409 ``idempotency.in_flight``, and a few times
500, which a market cut off in the middle of a request may answer. The same Idempotency-Key goes with every
attempt, so a request whose answer got lost is never done twice. Everything else is final.
"""

import secrets
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from uuid import UUID

import httpx

from souk_client.errors import ApiProblem, MarketUnreachableError, problem_of

OnRetry = Callable[[str], None]
"""Told the problem's code, or ``market.unreachable``, before each pause."""

IN_FLIGHT = "idempotency.in_flight"
DEFAULT_PATIENCE_SECONDS = 300.0
FIRST_DELAY_SECONDS = 0.2
MAX_DELAY_SECONDS = 5.0
TRANSIENT_STATUSES = frozenset({429, 502, 503, 504})
FAULTS_ALLOWED = 4
"""Attempts after a plain 500: it may pass, but unlike a 503 it promises nothing."""

_jitter = secrets.SystemRandom()


def new_key() -> str:
    """A fresh idempotency key: a random UUID."""
    return str(UUID(bytes=secrets.token_bytes(16), version=4))


def new_registration_secret() -> str:
    """What proves that a repeated registration is one's own: 256 random bits."""
    return secrets.token_urlsafe(32)


def retry_after_seconds(response: httpx.Response) -> float | None:
    """The Retry-After header in seconds (delta or HTTP date), None when absent or unreadable."""
    value = response.headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        # Counted from the answer's own Date, so that a wrong clock on our side does not matter.
        answered = parsedate_to_datetime(response.headers.get("Date", ""))
        return max(0.0, (parsedate_to_datetime(value) - answered).total_seconds())
    except (ValueError, TypeError):
        return None


def back_off_seconds(attempt: int, asked: float | None) -> float:
    """How long to wait before the next attempt: what the server asked for, else jittered doubling."""
    if asked is not None:
        # Never earlier than asked; a little later, so that a crowd does not come back as one.
        return asked + _jitter.uniform(0.0, 0.1 + 0.25 * min(asked, 4.0))
    ceiling = min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(attempt, 10))
    return _jitter.uniform(ceiling / 2, ceiling)


def is_worth_repeating(problem: ApiProblem, attempt: int) -> bool:
    """Whether the same request may be answered differently in a while."""
    if problem.status == httpx.codes.INTERNAL_SERVER_ERROR:
        return attempt < FAULTS_ALLOWED
    return problem.status in TRANSIENT_STATUSES or problem.code == IN_FLIGHT


class Attempts:
    """The attempts at one request, or at keeping one stream open."""

    def __init__(self, base_url: str, patience_seconds: float, on_retry: OnRetry | None) -> None:
        self._base_url = base_url
        self._patience = patience_seconds
        self._on_retry = on_retry
        self.begin_again()

    def begin_again(self) -> None:
        """The market is there: patience is whole again."""
        self._attempt = 0
        self.wait_anew()

    def wait_anew(self) -> None:
        """It was there a moment ago, however long its client has not looked."""
        self._deadline = time.monotonic() + self._patience

    def pause_after(self, failure: httpx.Response | httpx.TransportError) -> float:
        """Seconds to wait before the next attempt. Raises ApiProblem or MarketUnreachableError when it is over."""
        asked: float | None = None
        error: ApiProblem | MarketUnreachableError
        if isinstance(failure, httpx.Response):
            error = problem_of(failure)
            if not is_worth_repeating(error, self._attempt):
                raise error
            asked = retry_after_seconds(failure)
        else:
            error = MarketUnreachableError(
                f"no answer from {self._base_url} for {self._patience:.0f} s ({type(failure).__name__}): "
                "is it running? `souk up` starts one"
            )
        delay = back_off_seconds(self._attempt, asked)
        if time.monotonic() + delay > self._deadline:
            raise error
        if self._on_retry is not None:
            self._on_retry(error.code if isinstance(error, ApiProblem) else "market.unreachable")
        self._attempt += 1
        return delay
