"""What an agent must not forget, in a file that only its owner may read: who it is, and how far it has heard.

An agent that is started again with the same file goes on as the same agent. Idempotency keys are derived from
the file's seed and from what they are for, so what was done but not written down is not done twice.
"""

import hmac
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self
from uuid import UUID, uuid5

from pydantic import BaseModel, Field, PrivateAttr

from souk_client.calls import BEGINNING
from souk_client.models import InboxEvent
from souk_client.repeating import new_key
from souk_client.souk import Souk


class Memory(BaseModel):
    """Key, place in the inbox, and whatever notes the agent makes. :meth:`save` after every change that counts."""

    seed: str = Field(default_factory=new_key)
    api_key: str | None = None
    agent_id: str | None = None
    cursor: str = BEGINNING
    notes: dict[str, Any] = Field(default_factory=dict)
    _path: Path = PrivateAttr()

    @classmethod
    def of(cls, path: Path) -> Self:
        """The memory in a file, or a new one, which is written at once. Raises OSError and ValueError."""
        memory = cls.model_validate_json(path.read_bytes() if path.exists() else b"{}")
        memory._path = path  # noqa: SLF001 - its own
        memory.save()
        return memory

    def key(self, *parts: object) -> str:
        """The idempotency key of one step: always the same for the same file and step."""
        return str(uuid5(UUID(self.seed), "/".join(map(str, parts))))

    def _registration_secret(self) -> str:
        return hmac.digest(self.seed.encode(), b"registration", "sha256").hex()

    def join(self, souk: Souk, agent_type: Literal["MERCHANT", "CUSTOMER"], name: str) -> Souk:
        """The market as the agent of this memory, which registers the first time. Raises SoukError."""
        if self.api_key is None:
            handle = f"{agent_type.lower()}-{self.seed[:8]}"
            made = souk.register(
                agent_type, handle, name, registration_secret=self._registration_secret(), key=self.key("register")
            )
            self.api_key, self.agent_id = made.api_key, made.agent.agent_id
            self.save()
        return souk.acting_as(self.api_key)

    def hear(self, souk: Souk) -> Iterator[InboxEvent]:
        """The inbox from where the agent was, for ever. Whoever asks for the next event has dealt with this one."""
        for event in souk.inbox_stream(after=self.cursor):
            yield event
            self.cursor = event.cursor
            self.save()

    def note(self, **notes: Any) -> None:
        """Write notes down, beside those there are."""
        self.notes.update(notes)
        self.save()

    def save(self) -> None:
        """Replace the file as a whole: a crash leaves the old one or the new one."""
        temporary = self._path.with_suffix(f".{os.getpid()}.tmp")
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(self.model_dump_json(indent=1))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)
