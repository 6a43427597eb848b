"""Numbers of the kernel that workflows and upkeep run by."""

from pydantic import BaseModel, ConfigDict, Field


class RetentionPolicy(BaseModel):
    """How long records are kept by which a repeated request is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    records_days: int = Field(90, ge=1)
