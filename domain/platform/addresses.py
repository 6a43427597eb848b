"""Which addresses Souk may send a request to when a stranger named them.

Pure: :func:`refuse_target` looks at what a URL says, :func:`refuse_address` at one address a host name stands
for. Both answer with a reason, or None when nothing is against it. A reason never repeats an address: what a
name stands for inside our network is nobody's business. Guards that no request reaches a private, local,
reserved or metadata address, also not by way of IPv6 forms that carry an IPv4 address inside.
"""

import re
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_NOT_PUBLIC_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers' customers
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's metadata, at a public address
        "169.254.0.0/16",  # link-local, other clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# Of IPv6 only global unicast is public, and of that not these.
_PUBLIC_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocols: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: any IPv4 address inside
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_LOOPBACK_V4 = IPv4Network("127.0.0.0/8")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.ASCII | re.IGNORECASE)
_LOCAL_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home.arpa")

_SCHEME = "only https addresses are reached"
_SCHEME_DEVELOPMENT = "only https addresses are reached, and http ones on loopback"
_NOT_PUBLIC = "the host is not at a public address"


def is_loopback(address: IPv4Address | IPv6Address) -> bool:
    plain = _plain(address)
    return plain in _LOOPBACK_V4 if isinstance(plain, IPv4Address) else plain == IPv6Address("::1")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anyone on the internet may be reached there."""
    plain = _plain(address)
    if isinstance(plain, IPv4Address):
        return not any(plain in block for block in _NOT_PUBLIC_V4)
    return plain.scope_id is None and plain in _PUBLIC_V6 and not any(plain in block for block in _NOT_PUBLIC_V6)


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address inside an IPv6 one that a host or a gateway would turn into it."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(address.packed[-4:])
    return address


def refuse_target(scheme: str, userinfo: str | bytes, host: str, port: int | None, *, development: bool) -> str | None:
    """Why a URL is refused by its looks alone; a host name must still be resolved and checked."""
    if scheme != "https" and not (development and scheme == "http"):
        return _SCHEME_DEVELOPMENT if development else _SCHEME
    if userinfo:
        return "an address with a user name or a password in it is not reached"
    if not host:
        return "the address names no host"
    if port is not None and port != (443 if scheme == "https" else 80) and not 1024 <= port <= 65535:
        return "the port is one of another protocol"
    literal = literal_address(host)
    if literal is not None:
        return refuse_address(scheme, literal, development=development)
    if len(host) > 253 or _NAME.fullmatch(host) is None:
        return "the host's name is none that can be looked up"
    name = host.lower().rstrip(".")
    if development and (name == "localhost" or name.endswith(".localhost")):
        return None
    if "." not in name or any(name == local or name.endswith("." + local) for local in _LOCAL_NAMES):
        return _NOT_PUBLIC
    return None


def refuse_address(scheme: str, address: IPv4Address | IPv6Address, *, development: bool) -> str | None:
    """Why no connection is made to this address."""
    if development and is_loopback(address):
        return None
    if scheme != "https":
        return _SCHEME_DEVELOPMENT if development else _SCHEME
    return None if is_public(address) else _NOT_PUBLIC


def refuse_addresses(scheme: str, addresses: Iterable[IPv4Address | IPv6Address], *, development: bool) -> str | None:
    """One bad address among a host's is enough to refuse it."""
    refusals = (refuse_address(scheme, address, development=development) for address in addresses)
    return next((refusal for refusal in refusals if refusal), None)


def literal_address(host: str) -> IPv4Address | IPv6Address | None:
    """The address a host is written as, also in the old forms (127.1, 0x7f000001); None for a name."""
    bare = host.strip("[]")
    try:
        return ip_address(bare)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(bare.rstrip(".")))
    except (OSError, UnicodeEncodeError):
        return None
