"""``souk drill leak``: unique secrets are planted in a market of its own, then looked for wherever they could come out.

Every GET and stream as every kind of viewer, every refusal a prober provokes, what a stranger gets who repeats
others' requests for secrets, response times around a hidden floor, guesses at who made anonymous
offers, logs at debug level, /metrics, the raw bytes of Temporal's database, ``temporal workflow show``, and the
tables as the API's role. A search that finds nothing proves something only when it can find: so the parties'
own secrets must turn up with the parties, and known public words in the files.
"""

import asyncio
import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.client import Client
from temporalio.converter import DataConverter

from config.contexts import CONTEXTS
from domain.market.processes import negotiation_process
from souk.drills import brackets, mcp_probes, probes
from souk.drills.canaries import BUYER, OBSERVER, OPERATOR, RIVAL, SELLER, STRANGER, Planted, PlantingError, plant, post
from souk.drills.hidden_floor import FloorReport, probe_floor
from souk.drills.linking import LinkReport, probe_links
from souk.drills.parts import DrillPart
from souk.drills.stack import DrillStack
from souk.drills.strangers import replay_as_strangers
from souk.drills.twins import probe_twins
from souk.stack.errors import StackError

Tell = Callable[[str], None]
SETTINGS = {
    "SOUK_LOG_LEVEL": "DEBUG",
    # What is looked for is not how fast the machine is.
    "SOUK_UPDATE_TIMEOUT_SECONDS": "60",
    "SOUK_IDEMPOTENCY_LEASE_SECONDS": "70",
    "SOUK_LIMITS__PER_ADDRESS": "1000000/minute",
    "SOUK_LIMITS__PER_AGENT": "1000000/minute",
    # Shopping by the commerce protocol then takes a platform's word for who it is: none has to be reached.
    "SOUK_SIMULATION__ENABLED": "true",
    "SOUK_SIMULATION__SECRET": secrets.token_hex(16),
    **brackets.SETTINGS,
}
_ENCRYPTED = "encryption-key-id"


@dataclass(slots=True)
class LeakReport:
    """What was searched, and every hit. ``failed`` are checks that are no search."""

    canaries: int
    states: list[str]
    requests: int
    refusals: int
    streams_and_reads_bytes: int
    files: int
    tables: int
    histories: int
    floor: FloorReport
    thresholds: brackets.BracketReport
    linking: LinkReport
    hits: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def breaches(self) -> list[str]:
        return [*self.hits, *self.failed]

    def json(self) -> dict[str, Any]:
        return asdict(self)


def run_leak_drill(data_dir: Path, tell: Tell, *, trials: int, seed: int) -> LeakReport:
    """``trials``: how many offers a stranger tries to put down to their makers.

    Raises StackError when the stack or the market does not do its part.
    """
    tell("starting a stack that logs at debug level")
    with DrillStack(data_dir, SETTINGS) as stack:
        try:
            return _drill(stack, tell, trials, seed)
        except PlantingError as error:
            raise StackError(f"the market refused what the drill needs: {error}") from error


def _drill(stack: DrillStack, tell: Tell, trials: int, seed: int) -> LeakReport:
    tell("planting canaries")
    planted = plant(stack.api, stack.make_operator_key())
    for part in CONTEXTS.parts("drills", DrillPart):
        part.plant(planted)
    search = probes.Search(planted.canaries)
    document = planted.clients[OBSERVER].get("/openapi.json").json()
    tell("reading everything as everyone")
    requests = probes.reads(planted, document, search)
    tell("provoking refusals")
    refusals = probes.provoke(planted, search)
    tell("asking the tools at /mcp the same")
    requests += mcp_probes.tools(planted, search)
    tell("repeating others' registrations and webhooks as a stranger")
    replayed = replay_as_strangers(stack.api)
    tell("measuring around a hidden floor")
    floor = probe_floor(stack.api, planted)
    if floor.visible and floor.wordings == 1:
        # Times differ so by chance once in a thousand drills. What is there is seen again.
        floor = probe_floor(stack.api, planted)
    failed = replayed + (["the hidden floor shows in how an offer is refused"] if floor.visible else [])
    tell("bracketing thresholds by bids")
    thresholds = brackets.probe_thresholds(stack.api)
    failed += ["thresholds can be bracketed by which bids are answered"] if thresholds.visible else []
    tell("guessing who made anonymous offers")
    linking = probe_links(stack.api, document, trials, seed)
    failed += linking.faults
    tell("comparing listings that differ in what is private")
    failed += probe_twins(stack.api)
    tell("failing on purpose: Postgres goes away under open commands")
    _fail_on_purpose(stack, planted)
    tell("reading the database as the API's role, and Temporal's files")
    api_url = stack.settings.role_url("api").replace("postgresql+psycopg", "postgresql")
    tables = probes.tables(api_url, search, probes.NOBODY, None)
    probes.tables(api_url, search, STRANGER, planted.agent_ids[STRANGER])
    processes = _process_ids(planted)
    probes.histories(stack.settings.temporal_address, stack.settings.temporal_namespace, processes, search)
    tell("rotating the payload keys")
    failed += _rotate_keys(stack, planted)
    failed += asyncio.run(_codec_is_for_operators(stack, planted))
    files = probes.files(stack.data_dir, ("logs/*.log", "temporal.db*"), search)
    failed += _is_a_search_at_all(stack, planted, search)
    return LeakReport(
        canaries=len(planted.canaries),
        states=sorted(planted.states),
        requests=requests,
        refusals=refusals,
        streams_and_reads_bytes=search.bytes_read,
        files=files,
        tables=tables,
        histories=len(processes),
        floor=floor,
        thresholds=thresholds,
        linking=linking,
        hits=sorted(f"{hit.what} seen by {hit.viewer} in {hit.where}" for hit in search.hits),
        failed=failed,
    )


def _process_ids(planted: Planted) -> list[str]:
    """The processes of every offer and order with a canary, and of the stores' trust."""
    return [*planted.ids["kind/id"], *(f"store-trust/{store_id}" for store_id in planted.ids["store_id"])]


async def _client(stack: DrillStack) -> Client:
    """Without a codec: what it reads is what Temporal has."""
    return await Client.connect(stack.settings.temporal_address, namespace=stack.settings.temporal_namespace)


def _fail_on_purpose(stack: DrillStack, planted: Planted) -> None:
    """Commands whose activities fail while they hold terms: their errors go to the logs and to Temporal."""
    postgres = stack.parts["postgres"]
    body = {"proposed_price_cents": 8_888_888, "message": "never mind"}
    for offer_id in planted.ids["offer_id"][1:4]:
        stack.cut_database_connections()
        planted.clients[SELLER].post(f"/v1/offers/{offer_id}/counter", json=body)
    postgres.kill()
    planted.clients[BUYER].post(f"/v1/offers/{planted.standing_offer}/counter", json=body)
    postgres.restart()
    stack.wait_ready()


def _rotate_keys(stack: DrillStack, planted: Planted) -> list[str]:
    """First all learn the new key, then it encrypts: a process from before goes on, and requests are answered."""
    old = stack.environment["SOUK_PAYLOAD_KEYS"]
    new = "k2:" + base64.b64encode(secrets.token_bytes(32)).decode()
    refused = []
    for ring in (f"{old},{new}", f"{new},{old}"):
        stack.environment["SOUK_PAYLOAD_KEYS"] = ring
        for name in ("worker", "api"):
            part = stack.parts[name]
            part.child.stop()
            part.restart()
            # The API's socket stays open while it restarts: a request waits, it is not refused.
            answer = httpx.get(f"{stack.api}/v1/stores", timeout=60, trust_env=False)
            if answer.status_code != httpx.codes.OK:
                refused.append(f"while keys were rotated a read was answered {answer.status_code}")
        stack.wait_ready()
    offer_id = planted.standing_offer
    accepted = post(planted.clients[SELLER], f"/v1/offers/{offer_id}/accept", {"round": 1})
    if accepted["status"] != "ACCEPTED":
        refused.append("an offer made under the old key could not be accepted under the new one")
    kept = asyncio.run(_key_ids(stack, negotiation_process(accepted["negotiation_id"])))
    if kept != {"k1", "k2"}:
        refused.append(f"a history over the rotation has keys {sorted(kept)}, not k1 and k2")
    return refused


async def _payloads(stack: DrillStack, process_id: str) -> list[Payload]:
    handle = (await _client(stack)).get_workflow_handle(process_id)
    found: list[Payload] = []
    async for event in handle.fetch_history_events():
        found += event.workflow_execution_started_event_attributes.input.payloads
        found += event.workflow_execution_update_accepted_event_attributes.accepted_request.input.args.payloads
    return found


async def _key_ids(stack: DrillStack, process_id: str) -> set[str]:
    return {payload.metadata[_ENCRYPTED].decode() for payload in await _payloads(stack, process_id)}


async def _codec_is_for_operators(stack: DrillStack, planted: Planted) -> list[str]:
    """The codec endpoint opens payloads of both keys for an operator who says why, and for nobody else."""
    offer = planted.clients[BUYER].get(f"/v1/offers/{planted.standing_offer}").json()
    sealed = await _payloads(stack, negotiation_process(offer["negotiation_id"]))
    body = MessageToDict(Payloads(payloads=sealed))
    failed = []
    for viewer in (OBSERVER, STRANGER, RIVAL, BUYER, SELLER):
        headers = {"X-Souk-Reason": "curiosity"}
        answer = planted.clients[viewer].post("/codec/decode", json=body, headers=headers)
        if answer.status_code not in {401, 403}:
            failed.append(f"/codec/decode answered {viewer} with {answer.status_code}")
    opened = planted.clients[OPERATOR].post("/codec/decode", json=body, headers={"X-Souk-Reason": "a drill"})
    if not opened.is_success:
        return [*failed, f"/codec/decode answered an operator with {opened.status_code}"]
    payloads = [Payload.FromString(_message(entry)) for entry in opened.json()["payloads"]]
    values = [await DataConverter.default.decode([payload]) for payload in payloads]
    if str(offer["proposed_price_cents"]) not in json.dumps(values):
        failed.append("/codec/decode gave an operator something else than the command")
    return failed


def _message(entry: dict[str, Any]) -> bytes:
    metadata = {name: base64.b64decode(value) for name, value in entry["metadata"].items()}
    return Payload(metadata=metadata, data=base64.b64decode(entry["data"])).SerializeToString()


def _is_a_search_at_all(stack: DrillStack, planted: Planted, search: probes.Search) -> list[str]:
    """What must be found: each party's own secrets, and public ids in logs and in Temporal's file."""
    failed = [
        f"{canary.what} was not even found by {viewer}: the search is blind"
        for canary in planted.canaries
        for viewer in canary.seen_by
        if (viewer, canary.what) not in search.found
    ]
    failed += [
        f"{where} told {viewer} no term of its own: the search is blind"
        for where in ("GET /v1/inbox", "GET /v1/inbox/stream", "MCP tool read_inbox", "MCP tool my_deals")
        for viewer in (BUYER, SELLER)
        if (viewer, where) not in search.found_at
    ]
    listing_id = planted.ids["listing_id"][0].encode()
    for name in ("temporal.db", "logs/worker.log", "logs/api.log"):
        parts = [file.read_bytes() for file in stack.data_dir.glob(f"{name}*")]
        wanted = {"temporal.db": listing_id, "logs/api.log": b'"event": "request"'}.get(name, b'"level": "debug"')
        if not any(wanted in part for part in parts):
            failed.append(f"{name} does not hold what it always holds: the search is blind")
    return failed
