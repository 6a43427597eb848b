"""How well search finds what it should: nDCG@10 over a small labelled set. ``python -m tests.relevance`` prints it.

The gain of a hit is 2^grade - 1, discounted by log2(place + 1), as Järvelin and Kekäläinen (2002) have it. What is
compared is what search was before: whole words of English, all of them.
"""

import json
import math
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg

from db.migrate import upgrade
from souk.stack.embedded import EmbeddedPostgres

_DATA = Path(__file__).parent / "data" / "search"
_DEPTH = 10
NOW = """
SELECT product_id FROM products, (SELECT souk_search_words(%(q)s) AS words) asked
WHERE search_text @@ souk_search_query(words) AND souk_coverage(search_text, words) >= 0.3
ORDER BY souk_coverage(search_text, words) + ts_rank(search_text, souk_search_query(words)) DESC, product_id LIMIT 10
"""
BEFORE = """
SELECT product_id
FROM products, plainto_tsquery('english', %(q)s) query,
  LATERAL (SELECT setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', description), 'B')
           AS words) document
WHERE words @@ query ORDER BY ts_rank(words, query) DESC, product_id LIMIT 10
"""


def load(connection: psycopg.Connection[Any]) -> dict[UUID, str]:
    """Write the catalogue into a migrated database; which product is which."""
    catalogue = json.loads((_DATA / "catalogue.json").read_text(encoding="utf-8"))
    ids = {uuid4(): entry for entry in catalogue}
    # A product without its store: search reads neither.
    connection.execute("SET session_replication_role = replica")
    for product_id, entry in ids.items():
        connection.execute(
            "INSERT INTO products (product_id, store_id, title, description) VALUES (%s, %s, %s, %s)",
            [product_id, product_id, entry["title"], entry["description"]],
        )
    connection.execute("SELECT souk_learn_words()")
    return {product_id: entry["id"] for product_id, entry in ids.items()}


def judge(connection: psycopg.Connection[Any], names: dict[UUID, str], query: str) -> dict[str, float]:
    """The nDCG@10 of each labelled query, from 0 to 1."""
    found = {}
    for judgement in json.loads((_DATA / "judgements.json").read_text(encoding="utf-8")):
        hits = [names[row[0]] for row in connection.execute(query, {"q": judgement["q"]})]
        found[judgement["q"]] = ndcg(hits, judgement["relevant"])
    return found


def ndcg(hits: list[str], relevant: dict[str, int]) -> float:
    ideal = sorted(relevant.values(), reverse=True)
    return _gain([relevant.get(hit, 0) for hit in hits]) / _gain(ideal)


def _gain(grades: list[int]) -> float:
    return sum((2**grade - 1) / math.log2(place + 2) for place, grade in enumerate(grades[:_DEPTH]))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder), fast=True) as postgres:
        upgrade(postgres.url())
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            names = load(connection)
            now, before = judge(connection, names, NOW), judge(connection, names, BEFORE)
    print(f"{'query':<56}{'before':>8}{'now':>8}")
    for q, value in now.items():
        print(f"{q:<56}{before[q]:>8.3f}{value:>8.3f}")
    for name, values in (("before", before), ("now", now)):
        print(f"mean nDCG@{_DEPTH} {name}: {sum(values.values()) / len(values):.3f}")


if __name__ == "__main__":
    main()
