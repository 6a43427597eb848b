"""An answer is read and kept in one transaction: what is kept is what was answered, or nothing is."""

from collections.abc import AsyncIterator
from functools import partial
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import func, select

from config.settings import Settings
from db.platform import idempotency
from db.platform.database import Database
from db.platform.ids import new_id
from db.platform.reading import Asked, One, Row
from db.platform.statements import Read
from domain.platform.errors import ROUTE_NOT_FOUND, DomainError
from souk.stack.embedded import EmbeddedPostgres

_WHO = Read(select(func.current_setting("souk.viewer", True).label("viewer"), func.pg_backend_pid().label("pid")))
_NOBODY = Read(select(func.now().label("now")).where(func.now().is_(None)))
_REQUEST = b"request"


@pytest_asyncio.fixture
async def reads(owner_url: str) -> AsyncIterator[Database]:
    one = Database(Settings(database_url=owner_url).role_url("api"), 1, "test-answers")
    yield one
    await one.close()


async def _claim(database: Database, scope: UUID) -> object:
    async with database.transaction(viewer=scope) as transaction:
        return await idempotency.claim(transaction, scope, b"key", _REQUEST, 60)


async def _begin(database: Database, scope: UUID) -> UUID:
    claim = await _claim(database, scope)
    assert isinstance(claim, idempotency.Claim)
    return claim.command_id


async def test_the_answer_is_kept_as_it_was_read(api_database: Database, reads: Database) -> None:
    scope = new_id()
    command = await _begin(api_database, scope)

    def kept(row: Row) -> Asked:
        return idempotency.completion(command, 201, row["viewer"])

    await reads.read_one_and_note(One(_WHO, {}, ROUTE_NOT_FOUND), kept, scope)
    assert await _claim(api_database, scope) == idempotency.Stored(201, str(scope))
    assert not (await reads.rows(_WHO))[0]["viewer"]


async def test_without_a_row_nothing_is_kept(api_database: Database, reads: Database) -> None:
    scope = new_id()
    command = await _begin(api_database, scope)
    with pytest.raises(DomainError) as refused:
        await reads.read_one_and_note(
            One(_NOBODY, {}, ROUTE_NOT_FOUND), lambda _: idempotency.completion(command, 200, ""), scope
        )
    assert refused.value.code == ROUTE_NOT_FOUND.code
    assert isinstance(await _claim(api_database, scope), idempotency.InFlight)
    assert not (await reads.rows(_WHO))[0]["viewer"]


async def test_what_cannot_be_kept_is_an_error_and_leaves_no_viewer(api_database: Database, reads: Database) -> None:
    broken = Read(select(func.no_such_function()))
    with pytest.raises(psycopg.errors.UndefinedFunction):
        await reads.read_one_and_note(One(_WHO, {}, ROUTE_NOT_FOUND), lambda _: (broken, {}), new_id())
    assert not (await reads.rows(_WHO))[0]["viewer"]


async def test_it_is_kept_however_often(api_database: Database, reads: Database) -> None:
    """The driver prepares a statement at its sixth run, Postgres plans one for good at its 11th."""
    for turn in range(14):
        scope = new_id()
        command = await _begin(api_database, scope)
        noting = partial(_noted, command, str(turn))
        await reads.read_one_and_note(One(_WHO, {}, ROUTE_NOT_FOUND), noting, scope)
        assert await _claim(api_database, scope) == idempotency.Stored(200, str(turn))


def _noted(command: UUID, text: str, _: Row) -> Asked:
    return idempotency.completion(command, 200, text)


async def test_what_may_have_been_kept_is_not_kept_again(
    api_database: Database, reads: Database, postgres: EmbeddedPostgres
) -> None:
    """A connection that is lost with the commit tells nothing; a second answer could be another than the first."""
    scope = new_id()
    command = await _begin(api_database, scope)
    noted = []

    def kept(row: Row) -> Asked:
        noted.append(row)
        with psycopg.connect(postgres.url(), autocommit=True) as operator:
            operator.execute("SELECT pg_terminate_backend(%s, 5000)", [row["pid"]])
        return idempotency.completion(command, 200, "")

    with pytest.raises(psycopg.OperationalError):
        await reads.read_one_and_note(One(_WHO, {}, ROUTE_NOT_FOUND), kept, scope)
    assert len(noted) == 1
    assert isinstance(await _claim(api_database, scope), idempotency.InFlight)


async def test_a_connection_that_died_before_is_replaced(
    api_database: Database, reads: Database, postgres: EmbeddedPostgres
) -> None:
    scope = new_id()
    command = await _begin(api_database, scope)
    cut = (await reads.rows(_WHO))[0]["pid"]
    with psycopg.connect(postgres.url(), autocommit=True) as operator:
        operator.execute("SELECT pg_terminate_backend(%s, 5000)", [cut])
    await reads.read_one_and_note(
        One(_WHO, {}, ROUTE_NOT_FOUND), lambda _: idempotency.completion(command, 200, "x"), scope
    )
    assert await _claim(api_database, scope) == idempotency.Stored(200, "x")
