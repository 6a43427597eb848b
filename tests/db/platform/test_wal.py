"""Rows are counted however a statement locks and writes them."""

import psycopg

from souk.bench.wal import RowChanges
from souk.stack.embedded import EmbeddedPostgres


def test_rows_of_ctes_joins_and_foreign_keys_are_counted(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE row_changes")
    url = postgres.url("row_changes")
    with psycopg.connect(url, autocommit=True) as connection, RowChanges(url) as changes:
        connection.execute("CREATE TABLE shops (id int PRIMARY KEY, n int DEFAULT 0)")
        connection.execute("CREATE TABLE goods (shop int REFERENCES shops, n int)")
        connection.execute("CREATE UNLOGGED TABLE windows (n int)")
        changes.take()

        connection.execute("INSERT INTO shops SELECT generate_series(1, 3)")
        assert changes.take() == (0, 3)
        connection.execute("INSERT INTO goods VALUES (1, 1), (1, 2), (2, 3)")
        assert changes.take() == (2, 3)
        connection.execute(
            "WITH a AS (UPDATE goods SET n = n + 1 RETURNING *), b AS (DELETE FROM shops WHERE id = 3) SELECT * FROM a"
        )
        assert changes.take() == (0, 4)
        connection.execute("SELECT * FROM shops AS s JOIN goods AS g ON g.shop = s.id FOR UPDATE OF s, g")
        assert changes.take() == (5, 0)
        connection.execute("INSERT INTO windows VALUES (1)")
        assert changes.take() == (0, 0)
