"""Search on real Postgres: what users wrote finds what they meant."""

from collections.abc import Iterator

import psycopg
import pytest

from souk.stack.embedded import EmbeddedPostgres
from tests.databases import make_database
from tests.relevance import BEFORE, NOW, judge, load


@pytest.fixture(scope="module")
def catalogue(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(make_database(postgres, "search"), autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def judged(catalogue: psycopg.Connection) -> dict[str, float]:
    names = load(catalogue)
    assert sum(judge(catalogue, names, BEFORE).values()) < 10, "what is compared with is not what search was"
    return judge(catalogue, names, NOW)


@pytest.mark.parametrize("q", ["cafe creme", "strauss", "ceremic", "鉄器", "iphone", "iPhone 15", "wuthring heights"])
def test_what_was_not_found_comes_first(judged: dict[str, float], q: str) -> None:
    assert judged[q] == 1


def test_the_labelled_set_is_answered_well(judged: dict[str, float]) -> None:
    assert sum(judged.values()) / len(judged) > 0.95


@pytest.mark.parametrize("q", ["", " ", "the", ":*' | \\ & ! <->", "%", "'; DROP INDEX stores", "\u200b", "a" * 200])
def test_any_text_is_a_query(catalogue: psycopg.Connection, judged: dict[str, float], q: str) -> None:
    assert judged
    assert catalogue.execute(NOW, {"q": q}).fetchall() == []


def test_words_are_learned_once(catalogue: psycopg.Connection, judged: dict[str, float]) -> None:
    assert judged
    assert catalogue.execute("SELECT souk_learn_words()").fetchone() == (0,)
