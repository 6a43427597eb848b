"""Idempotency-Key: done once and answered the same, in parallel, after failures, for facts and for commands."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import func, select
from starlette.responses import Response

from api.main import create_app
from api.platform.auth import AnyAgent
from api.platform.idempotency import CommandDep, ProcessCommand
from config.settings import Settings
from db.platform.reading import One
from db.platform.statements import Read
from domain.market.errors import OFFER_NOT_OPEN
from domain.platform.errors import UNAVAILABLE
from tests.api.conftest import Agent, Stall, register

# What the test's process does, by the "plan" in the body: a list of one step per attempt.
RUNS: dict[str, list[ProcessCommand]] = {}
GATES: dict[str, asyncio.Event] = {}
router = APIRouter()


_WHO = Read(select(func.current_setting("souk.viewer", True).label("viewer")))


class Plan(BaseModel):
    name: str
    steps: list[str]


class Outcome(BaseModel):
    entity_id: str


def attempt(plan: Plan, command: ProcessCommand) -> str:
    """The plan's step for one more attempt, which is noted; the two that end it do."""
    attempts = RUNS.setdefault(plan.name, [])
    attempts.append(command)
    step = plan.steps[min(len(attempts), len(plan.steps)) - 1]
    if step == "away":
        raise UNAVAILABLE.error()
    if step == "refuse":
        raise OFFER_NOT_OPEN.error()
    return step


@router.post("/v1/test/commands")
async def command(body: Plan, _: AnyAgent, command: CommandDep) -> Response:
    async with command.begin():
        await command.commit()
        planned = attempt(body, command)
        if planned == "fault":
            raise KeyError("a fault")
        if planned == "slow":
            await asyncio.sleep(0.3)
        if planned == "hang":
            await GATES.setdefault(body.name, asyncio.Event()).wait()
        return await command.answer(Outcome(entity_id=str(command.command_id)), 201)


@router.post("/v1/test/told")
async def told(body: Plan, caller: AnyAgent, command: CommandDep) -> Response:
    """Refused before it is sent, by the plan; its answer is the caller's limits."""

    async with command.begin():
        attempt(body, command)
        await command.commit()
        return await command.show(One(_WHO, {}, OFFER_NOT_OPEN), 201)


@pytest_asyncio.fixture(scope="module")
async def commands(api_settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(api_settings.model_copy(update={"idempotency_lease_seconds": 60.0}))
    app.include_router(router)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://souk") as client,
    ):
        yield client


@pytest_asyncio.fixture
async def agent(commands: httpx.AsyncClient) -> Agent:
    return await register(commands, "CUSTOMER")


def plan(*steps: str) -> dict:
    return {"name": secrets.token_hex(6), "steps": list(steps)}


async def begun(body: dict) -> asyncio.Event:
    """Wait until the command hangs; the event lets it go on."""
    async with asyncio.timeout(60):
        while body["name"] not in GATES:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return GATES[body["name"]]


def fresh() -> str:
    return secrets.token_hex(8)


async def test_twenty_registrations_with_one_key_make_one_agent_with_one_key(http):
    body = {"agent_type": "CUSTOMER", "handle": f"p-{fresh()}", "display_name": "x"}
    body["registration_secret"] = secrets.token_urlsafe(32)
    headers = {"Idempotency-Key": fresh()}
    answers = await asyncio.gather(*(http.post("/v1/agents", json=body, headers=headers) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    key = answers[0].json()["api_key"]
    assert (await http.get("/v1/agents/me", headers={"Authorization": f"Bearer {key}"})).status_code == 200


async def test_a_stored_registration_holds_no_credential(http, worker_database):
    from sqlalchemy import text

    body = {"agent_type": "CUSTOMER", "handle": f"p-{fresh()}", "display_name": "x"}
    answer = (await http.post("/v1/agents", json=body, headers={"Idempotency-Key": fresh()})).json()
    async with worker_database.session() as session:
        stored = await session.scalar(
            text(
                "SELECT string_agg(response_body::text, '') FROM idempotency_records WHERE response_body::text LIKE :h"
            ),
            {"h": f"%{body['handle']}%"},
        )
    assert answer["agent"]["agent_id"] in stored
    assert answer["api_key"].split("_", 2)[2] not in stored
    assert "souk_" not in stored


async def test_another_body_under_the_same_key_is_refused_its_spelling_is_not(http, stall: Stall):
    key = fresh()
    headers = {**stall.owner.headers, "Idempotency-Key": key, "Content-Type": "application/json"}
    one = f'{{"store_id": "{stall.store_id}", "title": "One", "description": "d"}}'
    same = f'{{"description":"d","title":"One","store_id":"{stall.store_id}"}}'
    other = one.replace("One", "Two")
    first = await http.post("/v1/products", content=one, headers=headers)
    assert first.status_code == 201
    again = await http.post("/v1/products", content=same, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    refused = await http.post("/v1/products", content=other, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency.key_reused")
    elsewhere = await stall.owner("POST", "/v1/agents/me/keys", {"label": "x"}, key=key)
    assert elsewhere.json()["code"] == "idempotency.key_reused"


async def test_keys_of_two_agents_are_apart(http, stall: Stall, customer: Agent):
    key = fresh()
    body = {"type": "GENERAL", "title": "Hello", "context_store_id": stall.store_id}
    mine = await stall.owner("POST", "/v1/threads", body, key=key)
    theirs = await customer("POST", "/v1/threads", body, key=key)
    assert mine.json()["thread_id"] != theirs.json()["thread_id"]


async def test_a_refused_fact_stays_refused_under_its_key(http, stall: Stall):
    key = fresh()
    path = f"/v1/listings/{stall.listing_id}/inventory"
    first = await stall.owner("PATCH", path, {"delta": -9}, key=key)
    assert first.status_code == 422
    await stall.owner.ok("PATCH", path, {"inventory_on_hand": 20})
    again = await stall.owner("PATCH", path, {"delta": -9}, key=key)
    assert (again.status_code, again.content) == (422, first.content)
    assert (await stall.owner.ok("PATCH", path, {"delta": -9}))["inventory_on_hand"] == 11


async def test_a_delta_counts_once_however_often_it_is_sent(http, stall: Stall):
    key, path = fresh(), f"/v1/listings/{stall.listing_id}/inventory"
    answers = await asyncio.gather(*(stall.owner("PATCH", path, {"delta": 3}, key=key) for _ in range(10)))
    assert {answer.json()["inventory_on_hand"] for answer in answers} == {8}


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "tab\t"])
async def test_keys_are_visible_ascii(http, stall: Stall, key: str):
    headers = [(b"authorization", stall.owner.headers["Authorization"].encode()), (b"idempotency-key", key.encode())]
    response = await http.post("/v1/agents/me/keys", json={"label": "x"}, headers=headers)
    assert response.status_code == 422
    assert response.json()["code"] == "request.invalid"


async def test_a_command_in_flight_is_told_so_and_done_once(agent: Agent):
    body, key = plan("hang"), fresh()
    first = asyncio.create_task(agent("POST", "/v1/test/commands", body, key=key))
    gate = await begun(body)
    second = await agent("POST", "/v1/test/commands", body, key=key)
    assert (second.status_code, second.json()["code"]) == (409, "idempotency.in_flight")
    assert 1 <= int(second.headers["retry-after"]) <= 60
    gate.set()
    done = await first
    assert done.status_code == 201
    third = await agent("POST", "/v1/test/commands", body, key=key)
    assert (third.status_code, third.content) == (201, done.content)
    assert len(RUNS[body["name"]]) == 1


async def test_twenty_twins_of_a_command_run_once(agent: Agent):
    body, key = plan("slow"), fresh()
    answers = await asyncio.gather(*(agent("POST", "/v1/test/commands", body, key=key) for _ in range(20)))
    assert sorted({answer.status_code for answer in answers}) in ([201], [201, 409])
    assert len(RUNS[body["name"]]) == 1


async def test_a_command_goes_on_under_the_same_id_after_503(agent: Agent):
    body, key = plan("away", "away", "ok"), fresh()
    for _ in range(2):
        away = await agent("POST", "/v1/test/commands", body, key=key)
        assert away.status_code == 503
        assert away.headers["retry-after"]
    done = await agent("POST", "/v1/test/commands", body, key=key)
    assert done.status_code == 201
    runs = RUNS[body["name"]]
    assert len({run.command_id for run in runs}) == 1
    assert [run.resumed for run in runs] == [False, True, True]
    assert done.json()["entity_id"] == str(runs[0].command_id)


async def test_a_fault_releases_the_command(agent: Agent):
    body, key = plan("fault", "ok"), fresh()
    fault = await agent("POST", "/v1/test/commands", body, key=key)
    assert (fault.status_code, fault.json()["code"]) == (500, "internal.error")
    assert "a fault" not in fault.text
    assert (await agent("POST", "/v1/test/commands", body, key=key)).status_code == 201


async def test_a_command_cut_off_is_resumed_after_its_lease(agent: Agent, worker_database):
    from sqlalchemy import text

    body, key = plan("slow", "ok"), fresh()
    first = await agent("POST", "/v1/test/commands", body, key=key)
    # As if the process had ended right before it kept the answer.
    async with worker_database.session() as session:
        await session.execute(
            text(
                "UPDATE idempotency_records SET completed_at = NULL, status_code = NULL, response_body = NULL"
                " WHERE command_id = :id"
            ),
            {"id": first.json()["entity_id"]},
        )
    assert (await agent("POST", "/v1/test/commands", body, key=key)).json()["code"] == "idempotency.in_flight"
    async with worker_database.session() as session:
        await session.execute(
            text("UPDATE idempotency_records SET lease_until = clock_timestamp() WHERE command_id = :id"),
            {"id": first.json()["entity_id"]},
        )
    resumed = await agent("POST", "/v1/test/commands", body, key=key)
    assert resumed.json()["entity_id"] == first.json()["entity_id"]
    assert RUNS[body["name"]][-1].resumed


async def test_a_refused_command_stays_refused(agent: Agent):
    body, key = plan("refuse", "ok"), fresh()
    first = await agent("POST", "/v1/test/commands", body, key=key)
    again = await agent("POST", "/v1/test/commands", body, key=key)
    assert (again.status_code, again.content) == (409, first.content)
    assert again.headers["content-type"] == "application/problem+json"
    assert len(RUNS[body["name"]]) == 1


async def test_a_refusal_before_sending_that_is_kept_stays(agent: Agent):
    body, key = plan("refuse", "ok"), fresh()
    first = await agent("POST", "/v1/test/told", body, key=key)
    again = await agent("POST", "/v1/test/told", body, key=key)
    assert (first.status_code, first.json()["code"]) == (409, "offer.not_open")
    assert (again.status_code, again.content) == (409, first.content)
    assert len(RUNS[body["name"]]) == 1


async def test_one_that_is_not_kept_leaves_no_claim(agent: Agent):
    body, key = plan("away", "ok"), fresh()
    assert (await agent("POST", "/v1/test/told", body, key=key)).status_code == 503
    done = await agent("POST", "/v1/test/told", body, key=key)
    assert (done.status_code, done.json()) == (201, {"viewer": agent.agent_id})
    first, second = RUNS[body["name"]]
    assert not second.resumed
    assert second.command_id != first.command_id
    assert (await agent("POST", "/v1/test/told", body, key=key)).headers["idempotent-replayed"] == "true"


async def test_a_cancelled_command_is_released(agent: Agent):
    body, key = plan("hang", "ok"), fresh()
    task = asyncio.create_task(agent("POST", "/v1/test/commands", body, key=key))
    await begun(body)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await agent("POST", "/v1/test/commands", body, key=key)).status_code == 201


async def test_without_a_key_every_attempt_is_a_new_command(agent: Agent):
    body = plan("ok")
    ids = {(await agent("POST", "/v1/test/commands", body)).json()["entity_id"] for _ in range(3)}
    assert len(ids) == 3
