"""Which addresses strangers may name: by looks, and by what a name stands for."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.platform.addresses import is_public, literal_address, refuse_addresses, refuse_target

_PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
]
_PRIVATE_V6 = [
    "::",
    "::1",
    "::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("written", _PRIVATE + _PRIVATE_V6)
def test_addresses_that_are_not_public(written):
    assert not is_public(ip_address(written))


@pytest.mark.parametrize("inner", _PRIVATE)
def test_no_ipv6_form_hides_a_private_ipv4_address(inner):
    number = int(IPv4Address(inner))
    for form in (
        IPv6Address(0xFFFF << 32 | number),
        IPv6Address(number),
        IPv6Address((0x64FF9B << 96) | number),
        IPv6Address((0x2002 << 112) | number << 80),
    ):
        assert not is_public(form), form


@pytest.mark.parametrize(
    "written",
    [
        "8.8.8.8",
        "1.1.1.1",
        "172.32.0.1",
        "100.128.0.1",
        "2606:4700::1111",
        "2a00:1450::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ],
)
def test_addresses_that_are_public(written):
    assert is_public(ip_address(written))


@given(st.ip_addresses())
def test_nothing_is_public_that_python_holds_for_private(address):
    plain = getattr(address, "ipv4_mapped", None) or address
    if plain.is_private or plain.is_loopback or plain.is_link_local or plain.is_multicast or plain.is_reserved:
        assert not is_public(address) or plain in IPv6Network("64:ff9b::/96")


def test_one_bad_address_among_good_ones_refuses_the_host():
    good, bad = ip_address("8.8.8.8"), ip_address("10.0.0.1")
    assert refuse_addresses("https", [good], development=False) is None
    assert refuse_addresses("https", [good, bad], development=False) is not None
    assert refuse_addresses("https", [bad, good], development=True) is not None


@pytest.mark.parametrize(
    "written",
    ["127.1", "0x7f000001", "2130706433", "017700000001", "0177.0.0.1", "0x7f.0.0.1", "127.0.0.1.", "[::1]", "0"],
)
def test_old_ways_of_writing_loopback_are_read(written):
    address = literal_address(written)
    assert address is not None
    assert refuse_target("https", "", written, None, development=False) is not None


@pytest.mark.parametrize(
    ("scheme", "userinfo", "host", "port"),
    [
        ("http", "", "example.com", None),
        ("ftp", "", "example.com", None),
        ("file", "", "", None),
        ("", "", "example.com", None),
        ("https", "user:password", "example.com", None),
        ("https", "user", "example.com", None),
        ("https", "", "", None),
        ("https", "", "example.com", 22),
        ("https", "", "example.com", 25),
        ("https", "", "example.com", 80),
        ("https", "", "localhost", None),
        ("https", "", "LOCALHOST.", None),
        ("https", "", "a.localhost", None),
        ("https", "", "postgres", None),
        ("https", "", "metadata.google.internal", None),
        ("https", "", "printer.local", None),
    ],
)
def test_targets_refused_by_their_looks(scheme, userinfo, host, port):
    assert refuse_target(scheme, userinfo, host, port, development=False) is not None


def test_targets_that_pass():
    assert refuse_target("https", "", "example.com", None, development=False) is None
    assert refuse_target("https", "", "example.com", 8443, development=False) is None
    assert refuse_target("https", "", "8.8.8.8", None, development=False) is None


def test_development_opens_loopback_and_nothing_else():
    def refused(scheme, host, port=None):
        return refuse_target(scheme, "", host, port, development=True) is not None

    assert not refused("http", "127.0.0.1", 8000)
    assert not refused("http", "localhost", 8000)
    assert not refused("http", "::1", 8000)
    assert not refused("https", "localhost")
    assert refused("http", "8.8.8.8")
    assert refused("http", "10.0.0.1")
    assert refused("https", "10.0.0.1")
    assert refused("http", "169.254.169.254")
    assert refuse_addresses("http", [ip_address("8.8.8.8")], development=True) is not None
