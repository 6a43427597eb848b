"""Exports as CSV: the same values as the lists, nothing a spreadsheet takes for a formula, page after page."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from api.platform.csv_export import cell
from tests.api.conftest import Agent, Stall


def read(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "true"),
        (-5, "-5"),
        (0.25, "0.25"),
        (datetime(2026, 1, 5, 10, tzinfo=UTC), "2026-01-05T10:00:00+00:00"),
        ({"a": [1]}, '{"a": [1]}'),
        ("=1+1", "'=1+1"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("a\nb, “c”", "a\nb, “c”"),
    ],
)
def test_cells(value: Any, shown: str):
    assert cell(value) == shown


async def test_the_operators_log_is_exported_whole_and_page_by_page(
    http: httpx.AsyncClient, stall: Stall, operator: Agent
):
    reasons = ["=cmd|' /C calc'!A0", 'A "quoted", long\nreason', "Ticket 8"]
    for reason in reasons:
        path = f"/v1/operations/stores/{stall.store_id}/nudge-trust"
        await operator("POST", path, {"reason": reason})
    listed = (await operator.ok("GET", "/v1/operations/audit-log"))["items"]
    rows = read(await operator("GET", "/v1/operations/audit-log.csv"))
    assert [row["audit_id"] for row in rows[: len(listed)]] == [item["audit_id"] for item in listed]
    assert set(rows[0]) == {*listed[0], "cursor"}
    for row, item in zip(rows, listed, strict=False):
        assert row["reason"].removeprefix("'") == item["reason"]
        assert not row["reason"].startswith("=")

    async def page(**query: str) -> httpx.Response:
        return await http.get("/v1/operations/audit-log.csv", headers=operator.headers, params=query)

    first = read(await page(limit="1"))
    second = read(await page(limit="1", cursor=first[0]["cursor"]))
    assert first + second == rows[:2]
    assert (await page(cursor="nonsense")).status_code == 422


async def test_trust_is_exported_for_everyone(http: httpx.AsyncClient, stall: Stall):
    rows = read(await http.get(f"/v1/stores/{stall.store_id}/trust/events.csv"))
    items = (await http.get(f"/v1/stores/{stall.store_id}/trust/events")).json()["items"]
    assert [row["trust_event_id"] for row in rows] == [item["trust_event_id"] for item in items]
    assert (await http.get(f"/v1/stores/{stall.store_id}/trust/events.csv?limit=5001")).status_code == 422
    nowhere = "01920000-0000-7000-8000-00000000dead"
    assert (await http.get(f"/v1/stores/{nowhere}/trust/events.csv")).json()["code"] == "store.not_found"


async def test_orders_are_exported_for_their_parties_alone(http: httpx.AsyncClient, customer: Agent, operator: Agent):
    assert read(await customer("GET", "/v1/orders.csv")) == []
    assert (await http.get("/v1/orders.csv")).status_code == 401
    assert (await operator("GET", "/v1/orders.csv")).status_code == 403
