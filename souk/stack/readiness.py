"""Whether the API answers that it is ready: asked over a socket that listens before the API runs.

So the first question waits in the socket's queue and is answered the moment the API can.
"""

import http.client
import select
import time
from collections.abc import Callable

from souk.stack.errors import StackError

_LOOK_SECONDS = 0.02
_AGAIN_SECONDS = 0.1


def wait_until_ready(
    host: str, port: int, *, seconds: float, look: Callable[[], None], pause: Callable[[float], None]
) -> None:
    """Return once ``/readyz`` says 200. ``look`` is called in between and may raise to give up.

    Raises StackError with the last answer when the time is over.
    """
    deadline = time.monotonic() + seconds

    def wait(pause_seconds: float) -> None:
        look()
        if time.monotonic() > deadline:
            raise StackError(f"the API is not ready after {seconds:.0f} s ({answer})")
        pause(pause_seconds)

    answer = "no answer"
    while True:
        connection = http.client.HTTPConnection(host, port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            while not select.select([connection.sock], [], [], 0)[0]:
                wait(_LOOK_SECONDS)
            response = connection.getresponse()
            if response.status == http.HTTPStatus.OK:
                return
            answer = f"{response.status} {response.read(200).decode(errors='replace')}"
        except (OSError, http.client.HTTPException) as error:
            answer = str(error) or type(error).__name__
        finally:
            connection.close()
        wait(_AGAIN_SECONDS)
