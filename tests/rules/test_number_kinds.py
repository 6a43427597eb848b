"""Numbers by kind: what the published schema lets through can be counted with."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from config.settings import LimitSettings, Settings
from domain.checkout.policy import CheckoutPolicy
from domain.market.negotiation import expiry
from domain.market.policy import MarketPolicy
from domain.platform.errors import DomainError
from domain.platform.numbers import LEAST_SECONDS, MOST_SECONDS, Seconds, Whole
from domain.webhooks.policy import WebhookPolicy

WHOLE: TypeAdapter[int] = TypeAdapter(Annotated[int, Whole(-5, 1_000)])
SECONDS: TypeAdapter[float] = TypeAdapter(Seconds)
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_the_schema_says_integer_and_its_bounds() -> None:
    assert WHOLE.json_schema() == {"type": "integer", "minimum": -5, "maximum": 1_000}
    assert SECONDS.json_schema() == {"type": "number", "minimum": LEAST_SECONDS, "maximum": MOST_SECONDS}


@given(st.integers(-5, 1_000))
def test_a_whole_number_may_be_written_with_a_point(number: int) -> None:
    for written in (number, float(number)):
        read = WHOLE.validate_python(written)
        assert (read, type(read)) == (number, int)
    assert WHOLE.validate_json(f"{number}.0") == number


@given(st.one_of(st.floats().filter(lambda x: not (x.is_integer() and -5 <= x <= 1_000)), st.integers(min_value=1_001)))
def test_nothing_else_is_one(number: float) -> None:
    with pytest.raises(ValidationError):
        WHOLE.validate_python(number)


@pytest.mark.parametrize("other", [True, "7", None, [], {}])
def test_nor_is_what_is_no_number(other: object) -> None:
    with pytest.raises(ValidationError):
        WHOLE.validate_python(other)


@given(st.floats())
def test_a_length_of_time_leads_to_a_later_date_or_is_refused(seconds: float) -> None:
    try:
        SECONDS.validate_python(seconds)
    except ValidationError:
        assert not LEAST_SECONDS <= seconds <= MOST_SECONDS
    else:
        assert NOW + timedelta(seconds=seconds) > NOW


@given(st.floats(), st.floats(LEAST_SECONDS, MOST_SECONDS))
def test_an_offer_expires_after_now_or_is_refused(seconds: float, longest: float) -> None:
    policy = MarketPolicy(offer_expiry_max_seconds=longest, offer_expiry_seconds=LEAST_SECONDS)
    if LEAST_SECONDS <= seconds <= longest:
        assert expiry(NOW, seconds, policy) > NOW
    else:
        with pytest.raises(DomainError, match="expires_in_seconds"):
            expiry(NOW, seconds, policy)


@pytest.mark.parametrize("settings", [MarketPolicy, CheckoutPolicy, WebhookPolicy, LimitSettings, Settings])
def test_every_length_of_time_that_is_set_is_bounded(settings: type[BaseModel]) -> None:
    fields = {name: field for name, field in settings.model_fields.items() if name.endswith("_seconds")}
    lengths = {name for name, field in fields.items() if field.annotation is float}
    bounded = {
        name for name in lengths if MOST_SECONDS in [getattr(part, "le", None) for part in fields[name].metadata]
    }
    assert lengths
    assert lengths == bounded


@pytest.mark.parametrize("seconds", ["1e-9", "0", "-1", "1e308", "inf", "nan"])
def test_settings_keep_to_it_too(seconds: str) -> None:
    for wrong in ({"market": {"offer_expiry_seconds": seconds}}, {"update_timeout_seconds": seconds}):
        with pytest.raises(ValidationError):
            Settings(**wrong)
