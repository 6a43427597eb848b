"""Requests to strangers' addresses: hostile names, redirects, bodies and certificates."""

import asyncio
import gzip
import ssl
from contextlib import asynccontextmanager
from ipaddress import ip_address

import httpcore
import httpx
import pytest

from activities.outbound import (
    AddressRefusedError,
    AnswerRefusedError,
    OutboundLimits,
    check_url,
    outbound_client,
)
from tests.certificates import server_context, trusting_context

LOOPBACK = [ip_address("127.0.0.1")]
METADATA = [ip_address("169.254.169.254")]
PUBLIC = [ip_address("8.8.8.8")]


class Names:
    """A name server that says something else each time."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def __call__(self, host, port):
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@asynccontextmanager
async def listening(answer, tls=None):
    """A server that reads one request's head and calls ``answer(writer, head)``; yields its port and the heads."""
    heads = []

    async def serve(reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                heads.append(head.decode())
                await answer(writer, head.decode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass  # the client is gone, which is what these tests bring about
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], heads
    finally:
        server.close()


def plain(body: bytes = b"ok", status: str = "200 OK", **headers: str):
    async def answer(writer, head):
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body)

    return answer


@pytest.fixture
def connected(monkeypatch):
    """Every address a socket was opened to."""
    addresses = []
    real = httpcore.AnyIOBackend.connect_tcp

    async def connect_tcp(self, host, port, **rest):
        addresses.append(host)
        if host.startswith("127."):
            return await real(self, host, port, **rest)
        raise httpcore.ConnectError

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect_tcp)
    return addresses


async def test_a_request_reaches_the_checked_address_under_its_own_name():
    names = Names(LOOPBACK)
    async with listening(plain(b"hello")) as (port, heads), outbound_client(development=True, resolve=names) as client:
        answer = await client.post(f"http://shop.localhost:{port}/hook?t=1", content=b"")
    assert answer.text == "hello"
    assert heads[0].startswith("POST /hook?t=1 HTTP/1.1")
    assert f"Host: shop.localhost:{port}" in heads[0]
    assert names.asked == ["shop.localhost"]


async def test_the_system_resolver_is_asked_by_default():
    async with listening(plain()) as (port, _), outbound_client(development=True) as client:
        assert (await client.get(f"http://localhost:{port}/")).status_code == 200


async def test_the_connection_is_made_to_the_address_that_was_checked(connected):
    """The second answer, a local one, is never asked for."""
    names = Names(PUBLIC, LOOPBACK)
    async with outbound_client(resolve=names) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("https://rebinding.example/")
        assert connected == ["8.8.8.8"]
        assert names.asked == ["rebinding.example"]
        with pytest.raises(AddressRefusedError):
            await client.get("https://rebinding.example/")
    assert connected == ["8.8.8.8"]


@pytest.mark.parametrize("answer", [LOOPBACK, METADATA, PUBLIC + METADATA, [ip_address("::ffff:10.0.0.1")]])
async def test_no_socket_is_opened_to_an_address_that_is_not_public(connected, answer):
    async with outbound_client(resolve=Names(answer)) as client:
        with pytest.raises(AddressRefusedError) as refused:
            await client.get("https://inside.example/")
    assert connected == []
    assert not any(str(address) in str(refused.value) for address in answer)


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:169.254.169.254]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[fd00:ec2::254]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://127.0.0.1:8000/",
        "https://localhost/",
        "https://①②⑦.⓪.⓪.①/",
        "http://example.com/",
        "https://user:secret@example.com/",
        "https://example.com:22/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "unix:/run/postgres",
        "//example.com",
        "https://",
        "https:///path",
        "https://exa mple.com/",
        "https://example.com:99999/",
        "not an address",
        "",
    ],
)
async def test_addresses_refused_before_any_name_is_asked(connected, url):
    with pytest.raises(AddressRefusedError) as refused:
        check_url(url)
    assert "secret" not in str(refused.value)
    names = Names(PUBLIC)
    async with outbound_client(resolve=names) as client:
        with pytest.raises((httpx.TransportError, httpx.InvalidURL)):
            await client.get(url)
    assert names.asked == []
    assert connected == []


async def test_redirects_are_not_followed():
    target = plain(status="302 Found", Location="http://169.254.169.254/")
    async with listening(target) as (port, heads), outbound_client(development=True) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 302
    assert len(heads) == 1


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/",
        "https://169.254.169.254/latest/",
        "http://metadata.localhost/",
        "https://user:pw@127.0.0.1/",
        "ftp://127.0.0.1/",
        "http://8.8.8.8/",
    ],
)
async def test_every_hop_is_checked(connected, location):
    """Also a name that is harmless at the first hop and is not at the second."""

    async def resolve(host, port):
        return METADATA if host == "metadata.localhost" else LOOPBACK

    target = plain(status="302 Found", Location=location)
    guarded = outbound_client(development=True, resolve=resolve, follow_redirects=True)
    async with listening(target) as (port, _), guarded as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"http://127.0.0.1:{port}/")
    assert connected == ["127.0.0.1"]


async def test_one_deadline_spans_all_hops():
    """A chain in which every hop is quick enough by itself."""

    async def answer(writer, head):
        await asyncio.sleep(1.4)
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")

    limits = OutboundLimits(total_seconds=2.5)
    guarded = outbound_client(development=True, limits=limits, follow_redirects=True)
    async with listening(answer) as (port, heads), guarded as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"http://127.0.0.1:{port}/")
    assert len(heads) > 1


async def test_a_body_that_drips_is_cut_off():
    async def answer(writer, head):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    limits = OutboundLimits(read_seconds=5, total_seconds=2)
    async with listening(answer) as (port, _), outbound_client(development=True, limits=limits) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_headers_that_drip_are_cut_off():
    async def answer(writer, head):
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"x-a: b\r\n")
            await writer.drain()
            await asyncio.sleep(0.05)

    limits = OutboundLimits(read_seconds=5, total_seconds=2)
    async with listening(answer) as (port, _), outbound_client(development=True, limits=limits) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_a_silent_host_and_a_silent_name_server_are_left():
    async def answer(writer, head):
        await asyncio.sleep(60)

    async def never(host, port):
        await asyncio.sleep(60)

    limits = OutboundLimits(connect_seconds=30, read_seconds=0.2)
    async with listening(answer) as (port, _), outbound_client(development=True, limits=limits) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"http://127.0.0.1:{port}/")
    limits = OutboundLimits(connect_seconds=0.2, read_seconds=30)
    async with outbound_client(resolve=never, limits=limits) as client:
        with pytest.raises(httpx.ConnectTimeout):
            await client.get("https://slow.example/")


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_huge_body_is_not_read(chunked):
    async def answer(writer, head):
        if chunked:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n" if chunked else b"x" * 65536)
            await writer.drain()

    async with listening(answer) as (port, _), outbound_client(development=True) as client:
        with pytest.raises(AnswerRefusedError):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_a_compressed_answer_is_not_unpacked():
    bomb = gzip.compress(b"\0" * 50_000_000)
    limits = OutboundLimits(max_body_bytes=len(bomb) + 1)
    guarded = outbound_client(development=True, limits=limits)
    async with listening(plain(bomb, Content_Encoding="gzip")) as (port, heads), guarded as client:
        with pytest.raises(AnswerRefusedError):
            await client.get(f"http://127.0.0.1:{port}/")
        # Who only looks at the status is not disturbed.
        async with client.stream("GET", f"http://127.0.0.1:{port}/") as answer:
            assert answer.status_code == 200
    assert "Accept-Encoding: identity" in heads[0]


async def test_an_answer_without_end_of_headers_is_refused():
    async def answer(writer, head):
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"x-a: " + b"b" * 60000 + b"\r\n")
            await writer.drain()

    async with listening(answer) as (port, _), outbound_client(development=True) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_no_cookies_no_proxy_no_credentials(monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    cookie = plain(Set_Cookie="a=b; Path=/")
    async with listening(cookie) as (port, heads), outbound_client(development=True) as client:
        for _ in range(2):
            assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 200
    assert len(heads) == 2
    assert not any(name in head.lower() for head in heads for name in ("cookie", "authorization"))


async def test_certificates_are_checked_against_the_name():
    tls = server_context("shop.localhost")
    async with listening(plain(b"safe"), tls) as (port, _):
        async with outbound_client(development=True, resolve=Names(LOOPBACK), ssl_context=trusting_context()) as client:
            assert (await client.get(f"https://shop.localhost:{port}/")).text == "safe"
            with pytest.raises(httpx.ConnectError, match="certificate"):
                await client.get(f"https://other.localhost:{port}/")
        async with outbound_client(development=True, resolve=Names(LOOPBACK)) as client:
            with pytest.raises(httpx.ConnectError, match="certificate"):
                await client.get(f"https://shop.localhost:{port}/")


async def test_a_host_that_speaks_no_http():
    async def answer(writer, head):
        writer.write(b"+OK redis 7\r\n\r\n")

    async with listening(answer) as (port, _), outbound_client(development=True) as client:
        with pytest.raises(httpx.RemoteProtocolError) as failed:
            await client.get(f"http://127.0.0.1:{port}/")
        assert "redis" not in str(failed.value)


async def test_a_host_that_speaks_no_tls():
    async def greet(reader, writer):
        writer.write(b"+OK redis 7\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server, outbound_client(development=True) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")


async def test_the_next_address_is_tried_when_one_takes_no_connection():
    async with listening(plain()) as (port, _):
        names = Names([ip_address("127.0.0.2"), ip_address("127.0.0.1")])
        async with outbound_client(development=True, resolve=names) as client:
            assert (await client.get(f"http://two.localhost:{port}/")).status_code == 200


async def test_a_name_that_does_not_resolve():
    async def unknown(host, port):
        raise OSError("no such host")

    async with outbound_client(resolve=unknown) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("https://nowhere.example/")
