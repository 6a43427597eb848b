"""Strangers' hosts for tests: a name server and a server that say what the test wants."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from ipaddress import ip_address

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
