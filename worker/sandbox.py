"""How workflows are run: in the SDK's sandbox, with the pure layers passed through."""

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions


def runner() -> SandboxedWorkflowRunner:
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(
            "domain", "activities", "pydantic", "pydantic_core", "annotated_types"
        )
    )
