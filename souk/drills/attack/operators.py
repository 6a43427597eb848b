"""What operators are told: one verdict everywhere, and data of another cluster, whose feeds would hide events."""

import socket

import psycopg

from domain.platform.cursors import decode_cursor, encode_cursor
from souk.drills.attack.findings import Findings, Target
from souk.drills.people import Agent, Shop, eventually

_AHEAD = 10**9


def ask_how_it_is(target: Target, found: Findings) -> None:
    """A failing webhook and an appeal that waits are in the doctor's verdict and in Attention's, at once and alike."""
    shop, customer = Shop.open(target.url), target.customer()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    hook = customer.post("/v1/webhooks", {"url": f"http://127.0.0.1:{port}/hook", "source": "ACTIVITY"})["webhook"]
    path = f"/v1/orders/{shop.buy(customer)['order_id']}"
    customer.post(f"{path}/refund-request")
    shop.owner.post(f"{path}/refund-decision", {"approve": False})
    customer.post(f"{path}/appeal", {"reason": "It never lit."})
    order_id = path.rpartition("/")[2]
    listed = eventually(
        lambda: target.operator.get("/v1/operations/attention"),
        until=lambda told: {hook["webhook_id"], order_id} <= {item["id"] for item in told["items"]},
    )
    whys = {item["id"]: item["why"] for item in listed["items"]}
    found.expect("Attention lists a failing webhook at once", whys[hook["webhook_id"]], "webhook failing")
    found.expect("Attention lists an appeal", whys[order_id], "appeal")
    ours = {f"webhook/{hook['webhook_id']}", f"order/{order_id}"}
    code, doctor, attention = _verdicts(target)
    verdict = doctor[-1]
    found.expect("the doctor's verdict is Attention's", verdict, attention)
    counted = ("webhook failing" in verdict, "1 appeal" in verdict, code)
    found.expect("it counts the webhook and the appeal, and a person is needed", counted, (True, True, 1))
    found.expect("the doctor names both", _named(doctor, ours), ours)
    customer.call("DELETE", f"/v1/webhooks/{hook['webhook_id']}")
    decision = {"grant": False, "reason": "A drill."}
    target.operator.post(f"/v1/operations/orders/{order_id}/appeal-decision", decision)
    _, doctor, attention = _verdicts(target)
    found.expect("mended, the doctor names neither", _named(doctor, ours), set())
    found.expect("mended, the verdicts are the same", doctor[-1], attention)


def _named(lines: list[str], processes: set[str]) -> set[str]:
    return {process for process in processes if any(process in line for line in lines)}


def _verdicts(target: Target) -> tuple[int, list[str], str]:
    """The doctor's exit code and lines, and Attention's verdict: once both say the same, or differ for long."""
    for _ in range(5):
        code, said = target.check("doctor")
        attention = target.operator.get("/v1/operations/attention")["verdict"]
        if said.rstrip().endswith(attention):
            break
    return code, said.splitlines() or [""], attention


def restore_a_dump_of_a_busier_cluster(target: Target, found: Findings) -> None:
    shop = Shop.open(target.url)
    events = shop.feed("LISTING_DROPPED")
    before = [event["activity_event_id"] for event in events]
    with psycopg.connect(target.stack.environment["SOUK_DATABASE_URL"], autocommit=True) as owner:
        # As if a cluster had written them that had come further.
        owner.execute("UPDATE activity_events SET txid = txid + %s", [_AHEAD])
        owner.execute("UPDATE inbox_events SET txid = txid + %s", [_AHEAD])
    code, said = target.check("doctor")
    found.expect("the doctor sees that events are hidden", (code, "hidden events" in said), (1, True))
    code, said = target.check("audit")
    found.expect("so does the audit", (code, "11: activity event" in said), (1, True))
    target.serve_others(lambda: target.stack.run_souk("migrate"))
    found.expect("started anew, the doctor sees none", "hidden events" in target.check("doctor")[1], False)
    customer = target.customer()
    shop.ask(customer)
    told = shop.feed("THREAD_CREATED")
    found.expect("no event is hidden", [event["activity_event_id"] for event in told[: len(before)]], before)
    places = [decode_cursor(event["cursor"], int, int) for event in told]
    found.expect("new events come after those there were", places, sorted(places))
    # Where a reader of the busier cluster was.
    txid, event_id = decode_cursor(events[-1]["cursor"], int, int)
    missed = _after(shop.owner, encode_cursor(txid + _AHEAD, event_id), shop.store_id)
    news = [event["activity_event_id"] for event in told[len(before) :]]
    found.expect("who had read so far misses nothing", missed, news)


def _after(reader: Agent, cursor: str, store_id: str) -> list[str]:
    path = f"/v1/activity?store_id={store_id}&order=oldest&limit=200&cursor={cursor}"
    return [event["activity_event_id"] for event in reader.get(path)["items"]]
