"""Processes that a bench measures against, started beside its stack and stopped with it."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from souk.drills.stack import DrillStack
from souk.stack.child import Child
from souk.stack.inherit import inherited


@contextmanager
def floor_process(stack: DrillStack, module: str, *arguments: str, pass_fds: tuple[int, ...] = ()) -> Iterator[Child]:
    """``python -m module`` with the arguments, beside the stack. From the main thread."""
    name = module.rpartition(".")[2]
    child = Child(
        f"floor-{name}",
        log=stack.logs / f"floor-{name}.log",
        note=stack.data_dir / "run" / f"floor-{name}.json",
        stop_signal=signal.SIGTERM,
    )
    child.spawn(
        [sys.executable, "-m", module, *arguments],
        env=inherited(stack.environment, drop=("SOUK_",)),
        pass_fds=pass_fds,
    )
    try:
        yield child
    finally:
        child.stop()


@contextmanager
def bare_worker(stack: DrillStack) -> Iterator[Child]:
    """The worker of the bare workflows, on the stack's own Temporal."""
    settings = stack.settings
    with floor_process(stack, "souk.bench.bare", settings.temporal_address, settings.temporal_namespace) as child:
        yield child
