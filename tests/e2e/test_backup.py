"""A market is backed up, goes on, is lost, and is restored into a fresh folder: nothing from before is missing."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from db.platform.epochs import EPOCH_BITS
from domain.platform.cursors import decode_cursor
from souk.stack.background import BackgroundStack
from souk.stack.embedded import EmbeddedPostgres
from souk.stack.inherit import inherited
from tests.e2e.people import Agent, Shop, eventually

NOWHERE = {"SOUK_DATABASE_URL": "", "SOUK_TEMPORAL_ADDRESS": ""}


def _souk(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command's end, whatever it says."""
    return subprocess.run(
        [sys.executable, "-m", "souk", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
        env=inherited(variables, drop=("SOUK_",)),
    )


def _done(*arguments: str, **variables: str) -> str:
    done = _souk(*arguments, **variables)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def _all(agent: Agent, path: str) -> list[dict[str, Any]]:
    return list(agent.get(f"{path}?order=oldest&limit=200")["items"])


def _stays(agent: Agent, path: str) -> list[dict[str, Any]]:
    """A feed when nothing more comes: what is committed may wait behind others for a moment."""
    seen: list[list[dict[str, Any]]] = [[]]

    def look() -> bool:
        seen.append(_all(agent, path))
        return len(seen[-1]) == len(seen[-2]) > 0

    eventually(look, until=bool)
    return seen[-1]


def _streamed(url: str, key: str, cursor: str, count: int) -> list[dict[str, Any]]:
    """The next events of an inbox's stream after a cursor."""
    headers = {"Authorization": f"Bearer {key}", "Last-Event-ID": cursor}
    found: list[dict[str, Any]] = []
    with httpx.stream("GET", f"{url}/v1/inbox/stream", headers=headers, timeout=120, trust_env=False) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
            if len(found) == count:
                break
    return found


@pytest.mark.slow(seconds=90)
def test_a_market_comes_back_whole_and_in_order(tmp_path: Path) -> None:
    first, second, saved = tmp_path / "first", tmp_path / "second", tmp_path / "saved"
    with BackgroundStack(first, variables=NOWHERE) as stack:
        url = stack.running.api
        shop = Shop.open(url)
        customer = Agent.register(url, "CUSTOMER")
        shop.ask(customer)
        offer = shop.offer(customer, 1_200)
        events, inbox = _stays(customer, "/v1/activity"), _stays(shop.owner, "/v1/inbox")
        assert "backed up" in _done("backup", str(saved), "--data-dir", str(first))
        assert _souk("backup", str(saved), "--data-dir", str(first)).returncode == 2
        # What comes now is lost, and its places were given out.
        late = Agent.register(url, "CUSTOMER")
        shop.ask(late)
        lost = eventually(lambda: _all(shop.owner, "/v1/inbox"), until=lambda found: len(found) > len(inbox))
        lost_place = lost[-1]["cursor"]
        # A folder that holds a market is left alone.
        assert _souk("restore", str(saved), "--data-dir", str(first)).returncode == 2
    assert saved.stat().st_mode & 0o077 == 0

    said = _done("restore", str(saved), "--data-dir", str(second))
    assert "epoch 1" in said
    assert "every process is well" in said

    with BackgroundStack(second, variables=NOWHERE) as stack:
        url = stack.running.api
        merchant = Agent(url, shop.owner.key)
        buyer = Agent(url, customer.key)
        again = _all(buyer, "/v1/activity")
        assert [event["activity_event_id"] for event in again[: len(events)]] == [
            event["activity_event_id"] for event in events
        ]
        assert [event["cursor"] for event in again[: len(events)]] == [event["cursor"] for event in events]
        assert [event["inbox_event_id"] for event in _all(merchant, "/v1/inbox")[: len(inbox)]] == [
            event["inbox_event_id"] for event in inbox
        ]
        # The offer's process runs: it is accepted and bought.
        merchant.post(f"/v1/offers/{offer['offer_id']}/accept", {"round": 1})
        order = buyer.post("/v1/orders", {"offer_id": offer["offer_id"]})
        assert order["unit_price_cents"] == 1_200
        # Who had come as far as the lost events hears everything that is new, and nothing twice.
        heard = _streamed(url, merchant.key, lost_place, 1)
        assert decode_cursor(heard[0]["cursor"], int, int)[0] >> EPOCH_BITS == 1
        more = eventually(
            lambda: _all(buyer, "/v1/activity"), until=lambda found: found[-1]["type"].startswith("ORDER")
        )
        places = [decode_cursor(event["cursor"], int, int) for event in more]
        assert places == sorted(places)
        assert {txid >> EPOCH_BITS for txid, _ in places[len(events) :]} == {1}
        assert _souk("doctor", "--data-dir", str(second)).returncode == 0
        _done("audit", "--data-dir", str(second))
        _done("trust", "verify", "--data-dir", str(second))


@pytest.mark.slow(seconds=60)
def test_a_dump_loaded_by_hand_is_noticed_and_mended_at_the_start(tmp_path: Path) -> None:
    with BackgroundStack(tmp_path / "data", variables=NOWHERE) as stack:
        shop = Shop.open(stack.running.api)
        events = _stays(shop.owner, "/v1/activity")
        with psycopg.connect(stack.running.database, autocommit=True) as owner:
            # As if another cluster had written them, which had come further.
            owner.execute("UPDATE activity_events SET txid = txid + 1000000000")
        doctor = _souk("doctor", "--data-dir", str(tmp_path / "data"))
        assert doctor.returncode == 1
        assert "souk migrate" in doctor.stdout
        audit = _souk("audit", "--data-dir", str(tmp_path / "data"))
        assert audit.returncode == 1
        assert "  11: activity event" in audit.stdout
        assert _all(shop.owner, "/v1/activity") == []
    with BackgroundStack(tmp_path / "data", variables=NOWHERE) as stack:
        found = _all(Agent(stack.running.api, shop.owner.key), "/v1/activity")
        assert [event["activity_event_id"] for event in found] == [event["activity_event_id"] for event in events]
        assert _souk("doctor", "--data-dir", str(tmp_path / "data")).returncode == 0


@pytest.mark.slow(seconds=60)
def test_a_database_of_ones_own(tmp_path: Path, postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        for name in ("kept", "restored"):
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name}")
    kept, restored, saved = postgres.url(database="kept"), postgres.url(database="restored"), str(tmp_path / "saved")
    _done("migrate", SOUK_DATABASE_URL=kept)
    with psycopg.connect(kept, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO agents (agent_id, agent_type, handle, display_name)"
            " VALUES (gen_random_uuid(), 'CUSTOMER', 'kept', 'Kept')"
        )
    _done("backup", saved, "--database", kept)
    assert sorted(path.name for path in Path(saved).iterdir()) == ["backup.json", "souk.dump"]
    assert "souk audit --fix" in _done("restore", saved, "--database", restored)
    refused = _souk("restore", saved, "--database", restored)
    assert refused.returncode == 2
    assert "--replace" in refused.stderr
    assert "epoch 1" in _done("restore", saved, "--database", restored, "--replace")
    with psycopg.connect(restored) as owner:
        assert owner.execute("SELECT handle FROM agents").fetchall() == [("kept",)]
    assert "epoch 2" in _done("migrate", "--new-epoch", SOUK_DATABASE_URL=restored)
    assert _souk("restore", str(tmp_path), "--database", restored).returncode == 2
    # Replaced is what was there by the whole of a backup, or not at all.
    with psycopg.connect(restored, autocommit=True) as owner:
        owner.execute("UPDATE agents SET handle = 'newer'")
    whole = (Path(saved) / "souk.dump").read_bytes()
    for length in (0, 9_000, len(whole) // 2, len(whole) - 200):
        (Path(saved) / "souk.dump").write_bytes(whole[:length])
        refused = _souk("restore", saved, "--database", restored, "--replace")
        assert (refused.returncode, "pg_restore failed" in refused.stderr) == (2, True), (length, refused.stderr)
        _still_newer(restored)
    # Nor by one that asks for what the server has not.
    with psycopg.connect(kept, autocommit=True) as owner:
        owner.execute("CREATE ROLE nowhere_else")
        owner.execute("GRANT SELECT ON agents TO nowhere_else")
    _done("backup", str(tmp_path / "odd"), "--database", kept)
    with psycopg.connect(kept, autocommit=True) as owner:
        owner.execute("DROP OWNED BY nowhere_else")
        owner.execute("DROP ROLE nowhere_else")
    refused = _souk("restore", str(tmp_path / "odd"), "--database", restored, "--replace")
    assert refused.returncode == 2
    assert 'role "nowhere_else" does not exist' in refused.stderr
    _still_newer(restored)


@pytest.mark.slow(seconds=20)
def test_a_folder_keeps_its_market_when_a_backup_is_damaged(tmp_path: Path) -> None:
    saved, held = tmp_path / "saved", tmp_path / "data"
    for folder in (saved, held / "postgres"):
        folder.mkdir(parents=True)
    (saved / "backup.json").write_text('{"revision": "0001"}')
    (saved / "secrets.json").write_text('{"of": "the backup"}')
    (saved / "souk.dump").write_bytes(b"PGDMP")
    (held / "secrets.json").write_text('{"of": "the market"}')
    (held / "souk.lock").touch()
    (held / "postgres" / "rows").write_text("all of them")
    refused = _souk("restore", str(saved), "--data-dir", str(held), "--replace", **NOWHERE)
    assert (refused.returncode, "pg_restore failed" in refused.stderr) == (2, True), refused.stderr
    assert (held / "secrets.json").read_text() == '{"of": "the market"}'
    assert [file.name for file in (held / "postgres").iterdir()] == ["rows"]
    assert not [*held.glob("replaced-*")]


def _still_newer(url: str) -> None:
    with psycopg.connect(url) as owner:
        assert owner.execute("SELECT handle FROM agents").fetchall() == [("newer",)]
