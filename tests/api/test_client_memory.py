"""What an agent keeps in a file: private, never half written, and enough to go on where it was."""

import json
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest

from souk_client import BEGINNING, MarketUnreachableError, Souk
from souk_client.memory import Memory

AGENT = {
    "agent_id": "a1", "agent_type": "CUSTOMER", "handle": "h", "display_name": "n", "created_at": "2026-11-21T10:00:00Z"
}  # fmt: skip


def event_text(number: int) -> str:
    event = {"inbox_event_id": str(number), "type": "ORDER_PLACED", "created_at": "2026-11-21T10:00:00Z", "meta": {}}
    return f"data: {json.dumps({**event, 'cursor': f'c{number}'})}\nid: c{number}\n\n"


class Market:
    """Registers whoever asks, once per key, and tells three events. ``loses``: the next answer gets lost."""

    def __init__(self) -> None:
        self.registered: dict[str, dict[str, Any]] = {}
        self.listened: list[str] = []
        self.loses = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/inbox/stream":
            assert request.headers["Authorization"] == "Bearer key-0"
            after = request.headers["Last-Event-ID"]
            self.listened.append(after)
            heard = 0 if after == BEGINNING else int(after.removeprefix("c"))
            return httpx.Response(200, text="".join(map(event_text, range(heard + 1, 4))))
        number = len(self.registered)
        made = {"agent": AGENT, "key_id": "k", "api_key": f"key-{number}"}
        answer = self.registered.setdefault(request.headers["Idempotency-Key"], made)
        if self.loses:
            self.loses = False
            raise httpx.ReadError("lost")
        return httpx.Response(201, json=answer)

    def souk(self) -> Souk:
        return Souk("http://souk", patience_seconds=0, transport=httpx.MockTransport(self))


def test_an_agent_registers_once_however_often_it_starts(tmp_path: Path):
    market, path = Market(), tmp_path / "deep" / "me.json"
    market.loses = True
    with pytest.raises(MarketUnreachableError):
        Memory.of(path).join(market.souk(), "CUSTOMER", "Ana")
    Memory.of(path).join(market.souk(), "CUSTOMER", "Ana")
    Memory.of(path).join(market.souk(), "CUSTOMER", "Ana")
    assert len(market.registered) == 1
    memory = Memory.of(path)
    assert (memory.api_key, memory.agent_id) == ("key-0", "a1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["me.json"]


def test_an_event_is_dealt_with_before_it_is_forgotten(tmp_path: Path):
    market, path = Market(), tmp_path / "me.json"
    memory = Memory.of(path)
    first = memory.hear(memory.join(market.souk(), "CUSTOMER", "Ana"))
    assert [next(first).cursor, next(first).cursor] == ["c1", "c2"]
    # It dies while it deals with the second: only the first is behind it.
    again = Memory.of(path)
    second = again.hear(again.join(market.souk(), "CUSTOMER", "Ana"))
    assert [next(second).cursor, next(second).cursor] == ["c2", "c3"]
    assert market.listened == [BEGINNING, "c1"]


def test_keys_are_of_the_file_and_the_step(tmp_path: Path):
    memory = Memory.of(tmp_path / "me.json")
    memory.note(bid=900)
    again = Memory.of(tmp_path / "me.json")
    assert again.notes == {"bid": 900}
    assert again.key("buy", 1) == memory.key("buy", 1) != memory.key("buy", 2)
    assert Memory.of(tmp_path / "you.json").key("buy", 1) != memory.key("buy", 1)
    (tmp_path / "me.json").write_text("{")
    with pytest.raises(ValueError, match="Invalid JSON"):
        Memory.of(tmp_path / "me.json")
