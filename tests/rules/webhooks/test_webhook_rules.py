"""When a webhook is tried again, given up or paused, and which secrets sign it."""

import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.webhooks.delivery import Attempt, Consequence, decide_delivery
from domain.webhooks.policy import WebhookPolicy
from domain.webhooks.secrets import derive_secret, signing_versions

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
POLICY = WebhookPolicy()
KEY = UUID("01920000-0000-7000-8000-0000000000b0")

attempts = st.builds(
    Attempt,
    status=st.one_of(st.none(), st.integers(100, 599)),
    retry_after_seconds=st.one_of(st.none(), st.floats(0, 1e9)),
)


def decide(attempt, tries=0, since=None, luck=0.0, policy=POLICY):
    return decide_delivery(policy, attempt, failed_tries=tries, failing_since=since, now=NOW, luck=luck)


@given(attempts, st.integers(0, 20), st.floats(0, 30 * 86400), st.floats(0, 1))
def test_every_try_has_one_consequence_and_a_retry_a_date(attempt, tries, failing_seconds, luck):
    decision = decide(attempt, tries, NOW - timedelta(seconds=failing_seconds), luck)
    assert (decision.next_attempt_at is not None) == (decision.consequence is Consequence.RETRY)
    assert (decision.consequence is Consequence.DELIVERED) == attempt.delivered
    if decision.next_attempt_at is not None:
        wait = (decision.next_attempt_at - NOW).total_seconds()
        planned = POLICY.retry_seconds[tries]
        assert planned <= wait <= max(planned * (1 + POLICY.jitter_share), POLICY.retry_after_max_seconds) + 1e-3


def test_the_schedule_lasts_for_days_and_ends_with_a_dead_letter():
    waits = []
    for tries in range(len(POLICY.retry_seconds)):
        decision = decide(Attempt(500), tries, NOW)
        assert decision.next_attempt_at is not None
        waits.append((decision.next_attempt_at - NOW).total_seconds())
    assert waits == sorted(waits)
    assert waits[0] == 5
    assert 3 * 86400 < sum(waits) < 4 * 86400
    assert decide(Attempt(500), len(waits), NOW).consequence is Consequence.DEAD_LETTER


@pytest.mark.parametrize("status", [None, 100, 301, 307, 400, 401, 404, 429, 500, 503])
def test_nothing_but_a_2xx_is_an_acknowledgement(status):
    assert decide(Attempt(status)).consequence is Consequence.RETRY


def test_gone_pauses_at_once():
    assert decide(Attempt(410)).consequence is Consequence.PAUSE_GONE


def test_days_without_a_success_pause_and_less_does_not():
    limit = timedelta(seconds=POLICY.pause_after_seconds)
    assert decide(Attempt(500), 2, NOW - limit).consequence is Consequence.PAUSE_FAILING
    assert decide(Attempt(500), 2, NOW - limit + timedelta(seconds=1)).consequence is Consequence.RETRY
    assert decide(Attempt(204), 2, NOW - limit).consequence is Consequence.DELIVERED


def test_one_event_that_is_never_taken_does_not_pause_its_endpoint():
    """Its tries end before the endpoint counts as dead."""
    assert sum(POLICY.retry_seconds) * (1 + POLICY.jitter_share) < POLICY.pause_after_seconds


def test_retry_after_asks_for_more_patience_within_bounds_and_never_for_less():
    def wait(seconds, tries):
        decision = decide(Attempt(503, retry_after_seconds=seconds), tries)
        assert decision.next_attempt_at is not None
        return (decision.next_attempt_at - NOW).total_seconds()

    assert wait(60, 0) == 60
    assert wait(1, 0) == 5
    assert wait(1, 5) == POLICY.retry_seconds[5]
    assert wait(10**9, 0) == POLICY.retry_after_max_seconds


def test_luck_spreads_retries():
    early, late = decide(Attempt(500), 3), decide(Attempt(500), 3, luck=1.0)
    assert early.next_attempt_at is not None
    assert late.next_attempt_at is not None
    assert (late.next_attempt_at - early.next_attempt_at).total_seconds() == pytest.approx(720)


def test_secrets_differ_by_endpoint_version_and_installation():
    secrets = {
        derive_secret(key, endpoint, version)
        for key in (b"one", b"two")
        for endpoint in (KEY, UUID(int=KEY.int + 1))
        for version in (1, 2)
    }
    assert len(secrets) == 8
    assert derive_secret(b"one", KEY, 1) in secrets
    for secret in secrets:
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    with pytest.raises(ValueError, match="credential secret"):
        derive_secret(b"", KEY, 1)


def test_two_secrets_sign_while_a_rotation_overlaps():
    assert signing_versions(1, None, NOW) == [1]
    assert signing_versions(2, NOW + timedelta(seconds=1), NOW) == [2, 1]
    assert signing_versions(2, NOW, NOW) == [2]
    assert signing_versions(3, NOW + timedelta(days=1), NOW) == [3, 2]
