"""Does this Souk serve others, or nobody but whoever runs it on this machine? One answer, for everything that asks.

What is only for development (deliveries to this machine, profiles on it, the test-only mode) depends on it. A proxy in
front cannot be seen from the address that is listened on, so Souk is alone only when its operator says so and no other
setting says the contrary.
"""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from config.settings import Settings


def is_this_machine(host: str) -> bool:
    """Whether a host, a folder of sockets or an address with its port in brackets or not, is this machine itself."""
    name = host.strip("[]").lower()
    if name.startswith("/") or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def signs_of_others(settings: "Settings") -> Iterator[str]:
    """The variables that say that others are served, or that this is a part of something larger than one machine."""
    if not is_this_machine(settings.api_host):
        yield "SOUK_API_HOST"
    if settings.trusted_proxies:
        yield "SOUK_TRUSTED_PROXIES"
    for name, urls in (
        ("SOUK_PUBLIC_URL", [settings.public_url]),
        ("SOUK_ALLOWED_HOSTS", [f"//{host}" for host in settings.allowed_hosts]),
        ("SOUK_TEMPORAL_ADDRESS", [settings.temporal_address and f"//{settings.temporal_address}"]),
        ("SOUK_TEMPORAL_UI_URL", [settings.temporal_ui_url]),
        ("SOUK_TEMPORAL_CODEC_ORIGINS", settings.temporal_codec_origins),
    ):
        if not all(is_this_machine(host) for host in _hosts_of(urls)):
            yield name
    for name, url in (
        ("SOUK_DATABASE_URL", settings.database_url),
        ("SOUK_API_DATABASE_URL", settings.api_database_url),
        ("SOUK_WORKER_DATABASE_URL", settings.worker_database_url),
        ("SOUK_POOLER_URL", settings.pooler_url),
    ):
        if url and not all(is_this_machine(host) for host in _database_hosts(url)):
            yield name


def _hosts_of(urls: Iterable[str]) -> Iterator[str]:
    for url in filter(None, urls):
        try:
            yield urlsplit(url).hostname or url
        except ValueError:
            yield url


def _database_hosts(database_url: str) -> list[str]:
    """Where a database may be reached: a URL says so in its place for hosts, in its query, or with commas."""
    # Here, not above: whoever only reads settings, as `souk up` does, need not wait for SQLAlchemy.
    from sqlalchemy.engine import make_url  # noqa: PLC0415
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        url = make_url(database_url)
    except ArgumentError:
        raise ValueError("a database URL cannot be read: write it as postgresql://user:password@host/db") from None
    said = [url.host or ""]
    for name in ("host", "hostaddr"):
        more = url.query.get(name, ())
        said += [more] if isinstance(more, str) else more
    # In a query a host may have its port after it.
    parts = [part for text in said for part in text.split(",") if part]
    return [part if is_this_machine(part) else part.rpartition(":")[0] or part for part in parts]
