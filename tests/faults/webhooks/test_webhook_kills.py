"""Deliveries while the worker is killed with SIGKILL: nothing is missed, the order is kept, a repetition is known by
its id, and a receiver that takes nothing delays nobody else.
"""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from souk.drills.stack import DrillStack
from souk.stack.ports import choose
from tests.e2e.people import Agent, Shop, eventually
from tests.receiver import Receiver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
_QUESTIONS = 14
_KILLED_AFTER = (3, 8)


def test_nothing_is_missed_while_the_worker_is_killed(tmp_path: Path) -> None:
    variables = {
        "SOUK_WEBHOOKS__ALLOW_LOOPBACK": "true",
        "SOUK_WEBHOOKS__RETRY_SECONDS": "[0.5, 600]",
        "SOUK_SWEEP_INTERVAL_SECONDS": "3",
        "SOUK_LOG_LEVEL": "INFO",
    }
    seen: list[str] = []

    def fails_every_third_once(message: str) -> int:
        time.sleep(0.02)
        if message in seen:
            return 204
        seen.append(message)
        return 503 if len(seen) % 3 == 0 else 204

    with DrillStack(tmp_path / "stack", variables) as stack, Receiver(fails_every_third_once) as receiver:
        worker = stack.parts["worker"]
        shop = Shop.open(stack.api)
        nobody = f"http://127.0.0.1:{choose('127.0.0.1', 0, 'the test')}/?token=not-to-be-told"
        dead = shop.owner.post("/v1/webhooks", {"url": nobody, "source": "INBOX"})["webhook"]
        made = shop.owner.post("/v1/webhooks", {"url": receiver.url, "source": "INBOX", "types": ["QUESTION_ASKED"]})
        for number in range(_QUESTIONS):
            # A fact of the API: it is there while no worker runs.
            shop.ask(Agent.register(stack.api, "CUSTOMER"))
            if number in _KILLED_AFTER:
                worker.kill()
                eventually(worker.child.poll, until=lambda code: code is not None)
            if number - 2 in _KILLED_AFTER:
                worker.restart()
        asked = eventually(
            lambda: shop.owner.get("/v1/inbox?order=oldest&type=QUESTION_ASKED&limit=200")["items"],
            until=lambda items: len(items) >= _QUESTIONS,
        )
        expected = [item["inbox_event_id"] for item in asked]
        assert len(expected) == _QUESTIONS
        eventually(lambda: {one.id for one in receiver.acknowledged}, until=set(expected).__eq__, seconds=300)
        # In order: an event's first arrival never comes before the acknowledgement of the one ahead of it.
        assert list(dict.fromkeys(one.id for one in receiver.received)) == expected
        assert list(dict.fromkeys(one.id for one in receiver.acknowledged)) == expected
        assert len(receiver.received) > len(expected)
        for one in receiver.received:
            one.verify(made["secret"])
        standing = eventually(
            lambda: shop.owner.get(f"/v1/webhooks/{dead['webhook_id']}"), until=lambda found: found["failing_since"]
        )
        assert (standing["last_status"], standing["last_error"]) == (None, "no connection to the host")

        audit = _souk(stack, "audit")
        assert audit.returncode == 0, audit.stdout
        doctor = _souk(stack, "doctor")
        assert f"webhook/{dead['webhook_id']}" in doctor.stdout
        assert "no answer" in doctor.stdout
        # The address may hold a token: only its owner reads it.
        for text in (doctor.stdout, *(path.read_text(errors="replace") for path in stack.logs.glob("*.log"))):
            assert "not-to-be-told" not in text
            assert made["secret"] not in text


def _souk(stack: DrillStack, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "souk", command, "--database", stack.environment["SOUK_DATABASE_URL"]],
        env=stack.environment | {"PATH": "", "HOME": "", "COLUMNS": "200"},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
