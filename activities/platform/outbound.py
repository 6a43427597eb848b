"""Requests to addresses that strangers name.

:func:`outbound_client` makes an ``httpx.AsyncClient`` with one way to a socket, and that way is guarded: the host
is resolved once, every address it stands for is checked (``domain.platform.addresses``), and the connection is made to
a checked address, so a second answer of the name server changes nothing. Redirects are not followed; when a
caller asks for it, every hop takes the same way. There are no proxies, no cookies, no credentials from the
environment, no HTTP/2; connecting, reading, the whole exchange and the body are bounded.

Errors, all of them ``httpx.TransportError``: :class:`AddressRefusedError` (nothing was connected),
:class:`AnswerRefusedError` (too large, or compressed although we ask for none), ``httpx.ConnectError`` (also when
a name does not resolve), ``httpx.TimeoutException``. Their texts name no address, so they may be shown to whoever
named it; the URL itself is not in them and must not be logged.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import httpcore
import httpx

from domain.platform.addresses import refuse_addresses, refuse_target

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Awaitable[list[Address]]]

_DEADLINE = "souk.deadline"
_MAX_REDIRECTS = 3
# A name server that never answers keeps a thread until the system's resolver gives up.
_RESOLVING_AT_ONCE = 64

# The layer below's errors become httpx's, with texts that repeat nothing of the address or the answer.
_ERRORS: tuple[tuple[type[Exception], type[httpx.TransportError], str], ...] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout, "the host took too long to connect to"),
    (httpcore.PoolTimeout, httpx.PoolTimeout, "too many connections are open"),
    (httpcore.WriteTimeout, httpx.WriteTimeout, "the host took too long to read the request"),
    (httpcore.TimeoutException, httpx.ReadTimeout, "the host took too long to answer"),
    (httpcore.ConnectError, httpx.ConnectError, "no connection to the host"),
    (httpcore.NetworkError, httpx.ReadError, "the connection broke"),
    (httpcore.ProtocolError, httpx.RemoteProtocolError, "the host does not speak HTTP properly"),
)


class AddressRefusedError(httpx.TransportError):
    """The address is none that Souk reaches. Trying again helps only if the name stands for another one then."""


class AnswerRefusedError(httpx.TransportError):
    """The answer's body is none that Souk reads."""


@dataclass(frozen=True, slots=True)
class OutboundLimits:
    """Seconds and bytes of one exchange. ``total_seconds`` spans redirects and the reading of the body."""

    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    total_seconds: float = 15.0
    max_body_bytes: int = 256 * 1024
    max_connections: int = 100


def check_url(url: str, *, development: bool = False) -> httpx.URL:
    """The URL as the client will read it, if nothing is against it by its looks; no name is resolved.

    Raises AddressRefusedError, also for what is no URL.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError):
        raise AddressRefusedError("this is not an address") from None
    _check_target(parsed, development=development)
    return parsed


def outbound_client(
    *,
    development: bool = False,
    limits: OutboundLimits | None = None,
    resolve: Resolver | None = None,
    ssl_context: ssl.SSLContext | None = None,
    follow_redirects: bool = False,
    user_agent: str = "Souk",
) -> httpx.AsyncClient:
    """A client for addresses that strangers name. Close it, as any other.

    ``development`` lets loopback addresses through, by http too. ``resolve`` and ``ssl_context`` are the
    system's unless given.
    """
    bounds = limits or OutboundLimits()
    transport = _GuardedTransport(
        development=development,
        limits=bounds,
        resolve=resolve or _SystemResolver(),
        ssl_context=ssl_context or httpx.create_ssl_context(),
    )
    return httpx.AsyncClient(
        transport=transport,
        timeout=httpx.Timeout(bounds.read_seconds, connect=bounds.connect_seconds),
        trust_env=False,
        follow_redirects=follow_redirects,
        max_redirects=_MAX_REDIRECTS,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"User-Agent": user_agent, "Accept-Encoding": "identity"},
    )


def _check_target(url: httpx.URL, *, development: bool) -> None:
    refusal = refuse_target(url.scheme, url.userinfo, url.raw_host.decode("ascii"), url.port, development=development)
    if refusal is not None:
        raise AddressRefusedError(refusal)


class _SystemResolver:
    """The system's resolver, in threads of its own: a slow name server must not stop other work."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVING_AT_ONCE, thread_name_prefix="resolve")

    async def __call__(self, host: str, port: int) -> list[Address]:
        def look_up() -> list[Address]:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
            return list(dict.fromkeys(ip_address(address[0]) for *_, address in found))

        return await asyncio.get_running_loop().run_in_executor(self._threads, look_up)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens sockets to checked addresses and to nothing else."""

    def __init__(self, resolve: Resolver, *, scheme: str, development: bool) -> None:
        self._resolve = resolve
        self._scheme = scheme
        self._development = development
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolve(host.strip("[]"), port)
                refusal = refuse_addresses(self._scheme, addresses, development=self._development)
                if refusal is not None:
                    raise AddressRefusedError(refusal)
                return await self._first_reached(addresses, port, socket_options)
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except (OSError, UnicodeError):
            # Only the resolver's: the network's own are httpcore's already.
            raise httpcore.ConnectError from None

    async def _first_reached(
        self, addresses: list[Address], port: int, socket_options: Iterable[Any] | None
    ) -> httpcore.AsyncNetworkStream:
        for address in addresses:
            try:
                return await self._network.connect_tcp(str(address), port, socket_options=socket_options)
            except httpcore.ConnectError:
                continue
        raise httpcore.ConnectError

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise httpcore.UnsupportedProtocol("sockets of this machine are not reached")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


class _GuardedTransport(httpx.AsyncBaseTransport):
    """Checks every request, hop by hop, and bounds its time and its answer."""

    def __init__(
        self, *, development: bool, limits: OutboundLimits, resolve: Resolver, ssl_context: ssl.SSLContext
    ) -> None:
        self._development = development
        self._limits = limits
        self._resolve = resolve
        self._pools = {
            scheme: httpcore.AsyncConnectionPool(
                ssl_context=ssl_context,
                max_connections=limits.max_connections,
                max_keepalive_connections=limits.max_connections // 2,
                keepalive_expiry=5.0,
                network_backend=_GuardedBackend(resolve, scheme=scheme, development=development),
            )
            for scheme in ("https", "http")
        }

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        _check_target(request.url, development=self._development)
        # A redirect takes its request's extensions along, so one deadline spans all hops.
        clock = asyncio.get_running_loop()
        deadline = request.extensions.setdefault(_DEADLINE, clock.time() + self._limits.total_seconds)
        assert isinstance(request.stream, httpx.AsyncByteStream)
        inner = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            # No other extension may change the way, as another server name for TLS would.
            extensions={"timeout": request.extensions["timeout"]},
        )
        async with _bounded(deadline):
            answer = await self._pools[request.url.scheme].handle_async_request(inner)
        compressed = any(
            name.lower() == b"content-encoding" and value.strip().lower() not in {b"", b"identity"}
            for name, value in answer.headers
        )
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_BoundedBody(answer, deadline, self._limits.max_body_bytes, compressed=compressed),
        )

    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()
        if isinstance(self._resolve, _SystemResolver):
            self._resolve.close()


class _BoundedBody(httpx.AsyncByteStream):
    """A body that ends with an error when it is too long, takes too long or would grow when unpacked."""

    def __init__(self, answer: httpcore.Response, deadline: float, max_bytes: int, *, compressed: bool) -> None:
        self._answer = answer
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._compressed = compressed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._compressed:
            raise AnswerRefusedError("the answer is compressed although none was asked for")
        seen = 0
        chunks = self._answer.aiter_stream().__aiter__()
        while True:
            async with _bounded(self._deadline):
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            seen += len(chunk)
            if seen > self._max_bytes:
                raise AnswerRefusedError("the answer is too long")
            yield chunk

    async def aclose(self) -> None:
        await self._answer.aclose()


@asynccontextmanager
async def _bounded(deadline: float) -> AsyncIterator[None]:
    """Ends what takes too long, and gives errors of the layer below the names callers know."""
    try:
        async with asyncio.timeout_at(deadline):
            yield
    except TimeoutError:
        raise httpx.ReadTimeout("the exchange took too long") from None
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        if _is_about_the_certificate(error):
            raise httpx.ConnectError("the host's certificate was not accepted") from None
        ours, text = next((ours, text) for below, ours, text in _ERRORS if isinstance(error, below))
        raise ours(text) from None


def _is_about_the_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
