"""The embedded Temporal: the CLI's dev server, on a SQLite file or in memory, a foreground child of ours.

The flags and their reasons are in the notes on the engine: one task-queue partition and a raised transfer
queue rate, because the defaults make every workflow start wait on the dev server's single shard.
"""

import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from souk.stack.child import Child
from souk.stack.errors import StackError
from souk.stack.inherit import inherited
from souk.stack.ports import choose
from souk.stack.temporal_ui import UiGateway

HOST = "127.0.0.1"
SEARCH_ATTRIBUTES: Mapping[str, str] = {
    "StoreId": "Keyword",
    "ListingId": "Keyword",
    "State": "Keyword",
}

_DYNAMIC_CONFIG = {
    "history.transferProcessorMaxPollRPS": 2000,
    "matching.numTaskqueueReadPartitions": 1,
    "matching.numTaskqueueWritePartitions": 1,
    # Waiting tasks are taken by store in turn (activities/platform/attributes.py), not in the order of their coming.
    "matching.enableFairness": True,
    "frontend.namespaceRPS": 20000,
    "frontend.rps": 20000,
    "history.maxInFlightUpdates": 100,
    # The dev server would ask its database which search attributes there are at every start and change of one.
    "system.forceSearchAttributesCacheRefreshOnRead": False,
    # A queue carries what is done until it next notes how far it is, and every new task is put beside all of that.
    **{f"history.{queue}ProcessorUpdateAckInterval": "2s" for queue in ("transfer", "timer", "visibility")},
}
_PORT_LOST = "address already in use"
_ATTEMPTS = 3


class EmbeddedTemporal:
    """A Temporal dev server with the namespace ``souk`` and Souk's search attributes.

    ``data_dir`` holds its database, ``temporal.db``; None keeps everything in memory. Port 0 is any free
    port. ``ui_port`` None runs without the web UI. ``codec_endpoint`` is where the UI has payloads decoded.
    ``dynamic_config`` adds to the server's settings, for tests and measurements.
    """

    def __init__(
        self,
        data_dir: Path | None,
        *,
        port: int = 0,
        ui_port: int | None = None,
        codec_endpoint: str = "",
        namespace: str = "souk",
        dynamic_config: Mapping[str, object] | None = None,
    ) -> None:
        self._program = _program()
        self.data_dir = data_dir.expanduser().resolve() if data_dir else None
        self.namespace = namespace
        self.codec_endpoint = codec_endpoint
        self._dynamic_config = {**_DYNAMIC_CONFIG, **(dynamic_config or {})}
        self._wanted = (port, ui_port)
        self._scratch = None if self.data_dir else tempfile.TemporaryDirectory(prefix="souk-temporal-")
        home = self.data_dir or Path(self._scratch.name if self._scratch else "")
        self.child = Child(
            "temporal",
            log=home / "logs" / "temporal.log",
            note=home / "run" / "temporal.json",
            stop_seconds=15,
        )
        self.port = 0
        self.ui_port: int | None = None
        self._own_ui_port = 0
        self._gateway: UiGateway | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """``host:port`` of the gRPC frontend; known once spawned, the same after a restart."""
        return f"{HOST}:{self.port}"

    @property
    def ui_url(self) -> str:
        """The address of the web UI, empty when there is none."""
        return f"http://{HOST}:{self.ui_port}" if self.ui_port else ""

    def start(self) -> None:
        """Start and wait until the namespace can be used. Raises StackError when it does not come up."""
        try:
            self.spawn()
            self.wait_ready()
        except BaseException:
            self.stop()
            raise

    def spawn(self) -> None:
        """Start the server; does not wait until it answers. Raises StackError when a wanted port is taken."""
        if not self.port:
            self._choose_ports()
        if self.ui_port and self.codec_endpoint and self._gateway is None:
            self._gateway = UiGateway(HOST, self.ui_port, lambda: self._own_ui_port)
        self.child.spawn(self._arguments(), env=_environment())

    def wait_ready(self, *, seconds: float = 60, pause: Callable[[float], None] = time.sleep) -> None:
        """Wait until namespace and search attributes exist.

        ``pause`` sleeps between attempts and may raise to give up. Raises StackError when the server ends or
        does not answer in time.
        """
        deadline = time.monotonic() + seconds
        attempts = 1
        while (problem := asyncio.run(missing(self.address, self.namespace))) is not None:
            if self.child.poll() is not None:
                # Between choosing a free port and listening on it somebody else may have taken it.
                if _PORT_LOST not in self.child.last_words() or attempts == _ATTEMPTS or 0 not in self._wanted:
                    raise StackError(f"Temporal does not start ({self.child.last_words()}): see {self.child.log}")
                attempts += 1
                self._choose_ports()
                self.spawn()
            if time.monotonic() > deadline:
                raise StackError(f"Temporal is not ready after {seconds:.0f} s ({problem}): see {self.child.log}")
            pause(0.05)

    def stop(self) -> None:
        """Shut down; an in-memory server loses everything."""
        self.child.stop()
        if self._gateway:
            self._gateway.stop()
            self._gateway = None
        if self._scratch:
            self._scratch.cleanup()

    def _choose_ports(self) -> None:
        port, ui_port = self._wanted
        self.port = choose(HOST, port, "--temporal-port")
        if self._gateway is None:
            self.ui_port = None if ui_port is None else choose(HOST, ui_port, "--ui-port")
        self._own_ui_port = choose(HOST, 0, "--ui-port") if self.codec_endpoint else self.ui_port or 0

    def _arguments(self) -> list[str]:
        arguments = [
            self._program,
            "server",
            "start-dev",
            "--log-level",
            "warn",
            "--namespace",
            self.namespace,
        ]
        arguments += ["--ip", HOST, "--port", str(self.port)]
        if self.ui_port:
            arguments += ["--ui-port", str(self._own_ui_port), "--ui-disable-news-fetch"]
        else:
            arguments += ["--headless"]
        if self.ui_port and self.codec_endpoint:
            arguments += ["--ui-codec-endpoint", self.codec_endpoint]
        if self.data_dir:
            arguments += ["--db-filename", str(self.data_dir / "temporal.db")]
            arguments += [
                "--sqlite-pragma",
                "journal_mode=wal",
                "--sqlite-pragma",
                "synchronous=normal",
            ]
        for name, kind in SEARCH_ATTRIBUTES.items():
            arguments += ["--search-attribute", f"{name}={kind}"]
        for key, value in self._dynamic_config.items():
            arguments += ["--dynamic-config-value", f"{key}={json.dumps(value)}"]
        return arguments


async def missing(address: str, namespace: str) -> str | None:
    """What a Temporal server still lacks before Souk can use it, in a few words; None when nothing."""
    # Here, not above: the server is spawned first, and starts while its client is imported.
    from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest  # noqa: PLC0415
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest  # noqa: PLC0415
    from temporalio.client import Client  # noqa: PLC0415
    from temporalio.service import RPCError  # noqa: PLC0415

    try:
        client = await Client.connect(address, namespace=namespace)
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
        listed = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=namespace))
    except (
        RPCError,
        RuntimeError,
    ) as error:  # the client reports a refused connection as RuntimeError
        return str(error).splitlines()[0]
    absent = [name for name in SEARCH_ATTRIBUTES if name not in listed.custom_attributes]
    return f"no search attribute {', '.join(absent)}" if absent else None


def _program() -> str:
    """The Temporal CLI: beside our interpreter (where the wheel puts it), else on the PATH."""
    found = shutil.which("temporal", path=str(Path(sys.executable).parent)) or shutil.which("temporal")
    if found is None:
        raise StackError("the Temporal server is not installed: run `make install`")
    return found


def _environment() -> dict[str, str]:
    """Without the CLI's own variables, and without a call home for news of versions."""
    return inherited({"TEMPORAL_VERSION_CHECK_DISABLED": "1"}, drop=("TEMPORAL_", "SOUK_"))
