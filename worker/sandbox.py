"""How workflows are run: bare by the workers, in the SDK's sandbox by tests and replays.

The sandbox loads a process's modules anew for each process and guards every step; measured on sales 16 at a
time, that is a fifth of the worker's time. What it would catch at run time is caught before: the tests run all
processes inside of it, recorded histories are replayed, and the linter bans hidden inputs.
"""

from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions


def runner() -> WorkflowRunner:
    return UnsandboxedWorkflowRunner()


def sandboxed() -> WorkflowRunner:
    """With the pure layers passed through."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(
            "domain", "activities", "pydantic", "pydantic_core", "annotated_types"
        )
    )
