"""TCP ports: which are free, and one clear line when the wanted one is not."""

import errno
import secrets
import socket

from souk.stack.errors import StackError

_BACKLOG = 2048
# Below the ranges of Linux (from 32768) and of everybody else (from 49152).
_NOT_HANDED_OUT = range(20_000, 32_768)
_TRIES = 50
_dice = secrets.SystemRandom()


def listen(host: str, port: int, option: str) -> socket.socket:
    """A listening socket on ``host``; port 0 takes any free one.

    The supervisor listens for the API before the API runs and keeps the socket while it restarts, so nobody
    else can take the port and clients wait out a restart instead of being refused.
    Raises StackError when the port is taken or the address is not ours; ``option`` names the way out.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise StackError(f"cannot listen on {host!r} ({error}): set SOUK_API_HOST to an address here") from error
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise StackError(f"port {port} is taken: choose another with {option}, or 0 for any free one") from error
        raise StackError(
            f"cannot listen on {host} port {port} ({error.strerror}): choose another with {option}"
        ) from error
    return listener


def choose(host: str, port: int, option: str) -> int:
    """``port`` itself when it is free, any free one for 0. Raises StackError when it is taken.

    Until the program that is to have it listens, the port is nobody's. So for 0 it is one that systems do not hand
    out themselves: Temporal asks for free ports for its parts, and would be given the very one chosen for it.
    """
    for candidate in [port] if port else _dice.sample(_NOT_HANDED_OUT, _TRIES):
        try:
            with listen(host, candidate, option) as listener:
                return port_of(listener)
        except StackError:
            if port:
                raise
    with listen(host, 0, option) as listener:
        return port_of(listener)


def port_of(listener: socket.socket) -> int:
    """The port number a socket is bound to."""
    number: int = listener.getsockname()[1]
    return number
