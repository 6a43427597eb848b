"""A context that is not Souk's own, plugged in by its name alone: everything that asks contexts sees it.

Its files lie below this folder as those of a real one below the root; ``CONTRIBUTING.md`` follows them step by step.
"""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config.contexts import CONTEXTS
from config.settings import settings_class
from config.specs import workflow_specs
from db.platform.database import Database
from domain.platform.access import CALLERS
from domain.platform.contexts import Contexts
from souk.checks.doctor import diagnose
from souk.checks.operators import make_operator_key
from souk.drills.canaries import BUYER, Planted
from souk.drills.parts import DrillPart
from souk.drills.people import Agent, eventually
from souk.stack.embedded import EmbeddedPostgres, EmbeddedTemporal
from tests.conftest import PATIENT, TEST_KEY_RING
from tests.contexts.domain.wishes.context import CONTEXT
from tests.databases import make_database
from tests.hostile.callers import Callers, know_platform, make_callers
from tests.hostile.test_access_matrix import check_answers, check_rows
from tests.running import RunningSouk

WITH_WISHES = Contexts((*CONTEXTS.names, "tests.contexts:wishes"))
SCHEMA = Path(__file__).parent / "db" / "wishes" / "schema.sql"


@pytest.fixture(scope="module")
def souk(postgres: EmbeddedPostgres) -> Iterator[RunningSouk]:
    url = make_database(postgres, "wishes")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA.read_text())
    with (
        EmbeddedTemporal(None) as temporal,
        RunningSouk(
            settings_class(WITH_WISHES)(
                wishes={"longest_seconds": 7_200},
                database_url=url,
                temporal_address=temporal.address,
                payload_keys=TEST_KEY_RING,
                credential_secret="a secret for the tests",
                log_level="WARNING",
                **PATIENT,
            ),
            WITH_WISHES,
        ) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def operator_key(souk: RunningSouk) -> str:
    return souk.run(make_operator_key(souk.settings.role_url("owner"), "wishes"))


@pytest.fixture(scope="module")
def operator(souk: RunningSouk, operator_key: str) -> Agent:
    return Agent(souk.url, operator_key)


def wish(souk: RunningSouk, seconds: float = 3_600) -> str:
    """A wish of somebody new."""
    agent = Agent.register(souk.url, "CUSTOMER")
    made = agent.post("/v1/wishes", {"text": "A lamp that shines in the dark.", "lapses_in_seconds": seconds})
    wish_id: str = made["wish_id"]
    return wish_id


def write(souk: RunningSouk, statement: str, *values: object) -> None:
    with psycopg.connect(souk.settings.database_url, autocommit=True) as connection:
        connection.execute(statement, values)


def breaches(operator: Agent) -> dict[int, list[str]]:
    findings = operator.post("/v1/operations/audit", {})["findings"]
    return {found["invariant"]: found["examples"] for found in findings}


def test_a_wish_is_told_in_the_feed_on_the_front_page_and_on_its_own(souk: RunningSouk) -> None:
    wish_id, nobody = wish(souk), Agent(souk.url)
    feed = "/v1/activity?type=WISH_MADE"
    told = eventually(lambda: nobody.get(feed)["items"], until=bool)[0]
    assert told["meta"] == {"wish_id": wish_id}
    assert f'has <a href="/wishes/{wish_id}">a wish</a>' in nobody.http.get("/").text
    assert "A lamp that shines in the dark." in nobody.http.get(f"/wishes/{wish_id}").text


def test_its_workflow_ends_it_at_its_date(souk: RunningSouk) -> None:
    wish_id, nobody = wish(souk, seconds=1), Agent(souk.url)
    eventually(lambda: nobody.get(f"/v1/wishes/{wish_id}"), until=lambda found: found["closed_at"] is not None)


def test_what_its_constraint_refuses_has_its_own_code(souk: RunningSouk) -> None:
    agent, body = Agent.register(souk.url, "MERCHANT"), {"text": "A camel.", "lapses_in_seconds": 3_600}
    assert agent.call("POST", "/v1/wishes", body).status_code == 201
    refused = agent.call("POST", "/v1/wishes", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "wish.open")


def test_settings_hold_its_policy_and_its_rate(souk: RunningSouk) -> None:
    agent = Agent.register(souk.url, "CUSTOMER")
    refused = agent.call("POST", "/v1/wishes", {"text": "A river.", "lapses_in_seconds": 7_201})
    assert (refused.status_code, refused.json()["code"]) == (422, "wish.too_long")
    body = {"text": "A river.", "lapses_in_seconds": 3_600}
    # More than two windows hold.
    codes = {agent.call("POST", "/v1/wishes", body).json().get("code") for _ in range(41)}
    assert codes == {None, "wish.open", "request.rate_limited"}


def test_the_mcp_server_has_its_tool(souk: RunningSouk) -> None:
    assert "about_wishes" in {tool.work.__name__ for tool in souk.app.state.context.parts.tools}


def test_its_words_are_planted_by_the_leak_drill(souk: RunningSouk) -> None:
    planted = Planted({BUYER: Agent.register(souk.url, "CUSTOMER").http})
    [part] = [part for part in WITH_WISHES.parts("drills", DrillPart) if part.name == "wishes"]
    part.plant(planted)
    assert Agent(souk.url).get(f"/v1/wishes/{planted.ids['wish_id'][0]}")["text"] == "A cage."


def test_the_documentation_has_its_tag_its_routes_and_its_kind_of_event(souk: RunningSouk) -> None:
    document = Agent(souk.url).get("/openapi.json")
    assert {"name": "wishes", "description": "What agents wish for."} in document["tags"]
    assert document["paths"]["/v1/wishes"]["post"]["tags"] == ["wishes"]
    [kind] = [each for each in document["paths"]["/v1/activity"]["get"]["parameters"] if each["name"] == "type"]
    assert "WISH_MADE" in str(kind["schema"])


@pytest.mark.slow(seconds=60)
def test_one_that_stands_still_is_seen_by_console_and_doctor_and_woken_by_the_sweep(
    souk: RunningSouk, operator: Agent
) -> None:
    wish_id = wish(souk)
    eventually(
        lambda: operator.get(f"/v1/operations/processes/wish/{wish_id}"), until=lambda found: found["workflow"]["found"]
    )
    souk.stop_worker()
    try:
        write(souk, "UPDATE wishes SET lapses_at = now() - interval '1 minute' WHERE wish_id = %s", wish_id)
        [item] = [item for item in operator.get("/v1/operations/attention")["items"] if item["id"] == wish_id]
        assert (item["why"], item["kind"], item["action"]) == ("overdue", "wish", "wake")
        ailments = souk.run(ailments_of(souk))
        assert ailments[f"wish/{wish_id}"] == "a wish that should have lapsed"
    finally:
        souk.start_worker()
    report = operator.post("/v1/operations/expire-offers", {"reason": "a wish stands still"})
    # This sweep or the schedule's: the workflow's own timer is an hour away.
    assert "wish" in report["woken"]
    found = eventually(
        lambda: operator.get(f"/v1/operations/processes/wish/{wish_id}"), until=lambda found: not found["open"]
    )
    assert [step["what"] for step in found["story"]] == ["The wish was made", "It lapsed"]


async def ailments_of(souk: RunningSouk) -> dict[str, str]:
    database = Database(souk.settings.role_url("worker"), 2, "test-doctor")
    try:
        client = souk.app.state.context.temporal
        found = await diagnose(database, client, workflow_specs(souk.settings, WITH_WISHES))
    finally:
        await database.close()
    return {ailment.process_id: ailment.what for ailment in found}


@pytest.mark.slow(seconds=60)
def test_the_audit_checks_its_invariant_and_its_workflows(souk: RunningSouk, operator: Agent) -> None:
    wish_id = wish(souk)
    assert breaches(operator)[901] == []
    write(
        souk,
        "INSERT INTO wishes (wish_id, agent_id, text, lapses_at, closed_at)"
        " SELECT gen_random_uuid(), agent_id, 'untold', now(), now() FROM wishes WHERE wish_id = %s",
        wish_id,
    )
    assert len(breaches(operator)[901]) == 1
    write(souk, "DELETE FROM wishes WHERE text = 'untold'")
    found = breaches(operator)
    assert {number: examples for number, examples in found.items() if examples} == {}
    assert {8, 901} <= found.keys()


def test_readiness_and_the_access_matrix_know_it(souk: RunningSouk, operator_key: str) -> None:
    assert Agent(souk.url).get("/readyz")["queues"]["souk-wishes"] is True
    know_platform(souk)
    callers: Callers = make_callers(souk.url, operator_key)
    callers.ids["wish_id"] = wish(souk)
    check_rows(callers, WITH_WISHES.access)
    for kind in CALLERS:
        check_answers(callers, CONTEXT.access, kind)
