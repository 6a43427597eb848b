"""What stands in deploy/ and docker-compose.yml, as far as it runs without Docker."""

import http.client
import json
import os
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import yaml

from config.contexts import CONTEXTS
from config.settings import Settings
from souk.stack.embedded import EmbeddedPostgres
from souk.stack.ports import choose
from tests.databases import make_database

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
LASTING = sorted(name for name, service in SERVICES.items() if service.get("restart") == "unless-stopped")
CADDY = Path("/usr/bin/caddy")
DIGEST = "sha256:" + "5" * 64


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_bounded_and_its_log_is_thrown_away_in_time(name: str) -> None:
    service = SERVICES[name]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert "no-new-privileges:true" in service.get("security_opt", ()) or name == "postgres"


def test_what_runs_for_long_says_how_it_is() -> None:
    without = [name for name in LASTING if "healthcheck" not in SERVICES[name]]
    assert without == ["caddy", "temporal-ui"], "they have no state of their own"


def test_only_caddy_is_reached_from_elsewhere_and_only_when_asked_for() -> None:
    open_ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert SERVICES["caddy"]["profiles"] == ["public"]
    del open_ports["caddy"]
    assert open_ports
    assert all(port.startswith("127.0.0.1:") for ports in open_ports.values() for port in ports)
    assert (
        SERVICES["api"]["environment"]["SOUK_TRUSTED_PROXIES"] == SERVICES["caddy"]["networks"]["edge"]["ipv4_address"]
    )


def test_a_service_that_is_named_is_there() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", ())) <= set(SERVICES)
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
        assert set(service.get("networks", ())) <= set(COMPOSE["networks"])


def test_every_setting_of_souks_that_compose_gives_is_one() -> None:
    known = {f"SOUK_{name.upper()}" for name in Settings.model_fields}
    for name in ("migrate", "api", "worker"):
        given = {variable for variable in SERVICES[name]["environment"] if variable.startswith("SOUK_")}
        assert given <= known


@pytest.mark.parametrize("age", [0, 60])
@pytest.mark.parametrize("polled", [len(CONTEXTS.queues), len(CONTEXTS.queues) - 1])
def test_a_worker_is_healthy_while_every_queue_was_polled_lately(tmp_path: Path, polled: int, age: int) -> None:
    kind, check = SERVICES["worker"]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    folder = SERVICES["worker"]["environment"]["SOUK_WORKER_HEALTH_DIR"]
    check = check.replace("$$", "$").replace(folder, str(tmp_path))
    for queue in CONTEXTS.queues[:polled]:
        (tmp_path / queue).touch()
        os.utime(tmp_path / queue, (time.time() - age, time.time() - age))
    healthy = subprocess.run(["sh", "-c", check], check=False).returncode == 0
    assert healthy == (polled == len(CONTEXTS.queues) and age == 0)


class BackupJob:
    """deploy/backup.sh on a database, into a folder."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        here = Path(sys.executable).parent
        self.variables = {
            "PATH": f"{here}:{os.environ['PATH']}", "SOUK_DATABASE_URL": url, "SOUK_BACKUP_DIR": str(folder),
            "SOUK_BACKUP_MINUTES": "60", "SOUK_BACKUPS_KEPT": "2",
        }  # fmt: skip

    def there(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*Z"))

    def run_until_it_sleeps(self) -> None:
        """Start it, and end it when it has looked once."""
        script = (ROOT / "deploy" / "backup.sh").read_text().replace("sleep 30 &", "exit 0 &")
        one_look = script.replace("wait $!\n", "wait $!\n    exit 0\n")
        done = subprocess.run(["sh", "-c", one_look], check=False, capture_output=True, text=True, env=self.variables)
        assert done.returncode == 0, done.stderr

    def age(self, name: str, minutes: int) -> None:
        """As if it had been made so long ago."""
        then = time.time() - 60 * minutes
        old = self.folder / f"souk-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(then))}"
        (self.folder / name).rename(old)
        os.utime(old, (then, then))


def test_backups_are_made_in_time_and_the_oldest_are_thrown_away(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    job = BackupJob(make_database(postgres, "backed_up_by_a_job"), tmp_path / "backups")
    job.folder.mkdir()
    (job.folder / "souk-half.part").mkdir()
    for age in (300, 200, 100):
        job.run_until_it_sleeps()
        job.age(job.there()[-1], age)
    assert len(job.there()) == 2, "the third was not there when two were kept, and is younger"
    job.run_until_it_sleeps()
    kept = job.there()
    job.run_until_it_sleeps()
    assert job.there() == kept, "the newest is not an hour old"
    assert len(kept) == 2
    assert sorted(path.name for path in job.folder.iterdir()) == kept
    assert json.loads((job.folder / kept[-1] / "backup.json").read_text())["revision"]
    assert (job.folder / kept[-1] / "souk.dump").stat().st_size > 0


def test_a_backup_that_fails_ends_the_job(tmp_path: Path) -> None:
    job = BackupJob("postgresql://souk@127.0.0.1:1/nothing", tmp_path)
    done = subprocess.run(
        ["sh", str(ROOT / "deploy" / "backup.sh")], check=False, capture_output=True, text=True, env=job.variables
    )
    assert done.returncode != 0
    assert job.there() == []


def test_images_are_pinned_by_the_digest_their_registry_names(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    for name in ("docker-compose.yml", "Dockerfile", "deploy/pin-images.sh"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / "docker").write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\necho {DIGEST}\n')
    (tmp_path / "docker").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def pin(*arguments: str) -> int:
        return subprocess.run(
            ["sh", "deploy/pin-images.sh", *arguments], check=False, capture_output=True, cwd=tmp_path, env=environment
        ).returncode

    def images() -> set[str]:
        text = "".join((tmp_path / name).read_text() for name in ("docker-compose.yml", "Dockerfile"))
        return set(re.findall(r"^ *(?:image: |ARG PYTHON_IMAGE=)(\S+)$", text, re.MULTILINE)) - {"souk:0.1.0"}

    before = {image.partition("@")[0] for image in images()}
    assert pin() == 0
    assert images() == {f"{image}@{DIGEST}" for image in before}
    assert pin("--check") == 0
    assert pin() == 0, "and once more, when a tag was moved"
    assert images() == {f"{image}@{DIGEST}" for image in before}
    asked = (tmp_path / "asked").read_text().splitlines()
    assert {line.split()[-1] for line in asked} == before
    compose = yaml.safe_load((tmp_path / "docker-compose.yml").read_text())["services"]
    assert compose["postgres"]["image"].endswith(DIGEST)
    assert compose["api"]["image"] == "souk:0.1.0"
    (tmp_path / "Dockerfile").write_text((tmp_path / "Dockerfile").read_text().replace(f"@{DIGEST}", ""))
    assert pin("--check") == 1


class Echo(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


class Proxy:
    """deploy/caddy/Caddyfile before an upstream, on ports of its own."""

    def __init__(self, upstream: str, folder: Path) -> None:
        self.port, plain = choose("127.0.0.1", 0, "a test"), choose("127.0.0.1", 0, "a test")
        text = (ROOT / "deploy" / "caddy" / "Caddyfile").read_text()
        here = folder / "Caddyfile"
        # Only where it listens for the redirect to https, and that this machine's browsers need not believe it.
        here.write_text(text.replace("admin off", f"admin off\n\thttp_port {plain}\n\tskip_install_trust", 1))
        self.log = (folder / "caddy.log").open("w")
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "XDG_DATA_HOME": str(folder),
            "SOUK_DOMAIN": f"localhost:{self.port}", "SOUK_UPSTREAM": upstream.removeprefix("http://"),
        }  # fmt: skip
        self.process = subprocess.Popen(
            [str(CADDY), "run", "--config", str(here)], stdout=self.log, stderr=self.log, env=environment
        )
        self.root = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"

    def client(self) -> httpx.Client:
        """One that trusts the authority that Caddy made for localhost."""
        deadline = time.monotonic() + 120
        while True:
            assert self.process.poll() is None, Path(self.log.name).read_text()
            try:
                trusted = ssl.create_default_context(cafile=str(self.root))
                made = httpx.Client(base_url=f"https://localhost:{self.port}", verify=trusted, trust_env=False)
                made.get("/healthz")
            except (OSError, httpx.TransportError):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            else:
                return made

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        self.log.close()


@pytest.fixture
def echo() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.skipif(not CADDY.exists(), reason=f"no caddy at {CADDY}")
def test_the_proxy_says_who_called_whatever_the_caller_says(echo: str, tmp_path: Path) -> None:
    proxy = Proxy(echo, tmp_path)
    try:
        with closing(proxy.client()) as caller:
            told = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "http"}
            heard = caller.get("/v1/stores", headers=told).json()
            assert heard["x-forwarded-for"] in {"127.0.0.1", "::1"}
            assert heard["x-forwarded-proto"] == "https"
            assert heard["host"] == f"localhost:{proxy.port}"
    finally:
        proxy.stop()


@pytest.mark.skipif(not CADDY.exists(), reason=f"no caddy at {CADDY}")
def test_souk_answers_behind_the_proxy_and_shows_it_no_measurements(souk_url: str, tmp_path: Path) -> None:
    proxy = Proxy(souk_url, tmp_path)
    try:
        with closing(proxy.client()) as caller:
            answer = caller.get("/v1/stores")
            assert answer.status_code == 200
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
            assert caller.get("/metrics").status_code == 404
            with caller.stream("GET", "/v1/activity/stream", timeout=120) as stream:
                assert next(stream.iter_raw()).startswith(b":")
    finally:
        proxy.stop()
    plain = http.client.HTTPConnection(souk_url.removeprefix("http://"))
    plain.request("GET", "/metrics")
    assert plain.getresponse().status == 200
