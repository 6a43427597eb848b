"""Which capabilities are active between a platform and Souk, and how a platform names itself."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.checkout.agents import check_version, read_agent
from domain.checkout.ucp import (
    CAPABILITIES,
    CART,
    CHECKOUT,
    DISCOUNT,
    FULFILLMENT,
    VERSION,
    decide_capabilities,
    relevant_capabilities,
)
from domain.platform.errors import DomainError

NAMES = st.sampled_from([*CAPABILITIES, "com.example.loyalty"])
OFFERED = st.dictionaries(NAMES, st.lists(st.sampled_from([VERSION, "2026-01-11", "2099-01-01"]), max_size=3))


@given(OFFERED)
def test_active_is_what_both_have_at_a_version_both_have(offered: dict[str, list[str]]) -> None:
    active = decide_capabilities(offered)
    for name in active:
        assert VERSION in offered[name]
        parents = CAPABILITIES[name].extends
        assert not parents or active.intersection(parents)
    # Nothing that could be active is left out.
    for name, capability in CAPABILITIES.items():
        if VERSION in offered.get(name, ()) and (not capability.extends or active.intersection(capability.extends)):
            assert name in active


@given(OFFERED, NAMES)
def test_an_answer_names_only_what_is_active_and_belongs_to_its_operation(
    offered: dict[str, list[str]], root: str
) -> None:
    active = decide_capabilities(offered)
    told = relevant_capabilities(active, root)
    assert set(told) <= active
    assert all(name == root or root in CAPABILITIES[name].extends for name in told)


def test_an_extension_needs_one_of_its_parents() -> None:
    both = {DISCOUNT: [VERSION], FULFILLMENT: [VERSION]}
    assert decide_capabilities(both) == frozenset()
    assert decide_capabilities({**both, CART: [VERSION]}) == {CART, DISCOUNT}
    assert decide_capabilities({**both, CHECKOUT: [VERSION]}) == {CHECKOUT, DISCOUNT, FULFILLMENT}


@pytest.mark.parametrize(
    ("header", "url", "version"),
    [
        ('profile="https://p.example/x"', "https://p.example/x", None),
        ('profile="https://p.example/x"; version="2026-04-08"', "https://p.example/x", "2026-04-08"),
        ('profile="https://p.example/x", version="2099-01-01", other=1', "https://p.example/x", "2099-01-01"),
    ],
)
def test_the_header_is_read(header: str, url: str, version: str | None) -> None:
    claim = read_agent(header)
    assert (claim.profile_url, claim.version) == (url, version)


@pytest.mark.parametrize(
    "header", [None, "", "https://p.example", "profile=", "profile=1", 'profile=""', 'profile="x', "profile=(1 2)", "é"]
)
def test_a_header_that_names_no_profile_is_refused(header: str | None) -> None:
    with pytest.raises(DomainError) as refused:
        read_agent(header)
    assert refused.value.code == "invalid_profile_url"


@given(st.text(max_size=300))
def test_no_header_is_a_fault(header: str) -> None:
    with suppress(DomainError):
        assert read_agent(header).profile_url


@pytest.mark.parametrize("version", ["2099-01-01", "2026-01-11", "draft", ""])
def test_other_versions_are_refused(version: str) -> None:
    with pytest.raises(DomainError) as refused:
        check_version(version)
    assert refused.value.code == "version_unsupported"
    check_version(VERSION)
    check_version("2026-01-11", older_too=True)
