"""Requests to strangers' addresses: hostile names, redirects and certificates."""

import asyncio
from ipaddress import ip_address

import httpcore
import httpx
import pytest

from activities.platform.outbound import (
    AddressRefusedError,
    check_url,
    outbound_client,
)
from tests.activities.platform.hosts import LOOPBACK, METADATA, PUBLIC, Names, listening, plain
from tests.certificates import server_context, trusting_context


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
