"""What ``souk up`` prints works as it stands: the pages, both keys, and a Temporal UI that reads payloads."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from souk.stack.inherit import inherited

pytestmark = [pytest.mark.slow(seconds=20), pytest.mark.timeout(600)]
NOWHERE = {"SOUK_DATABASE_URL": "", "SOUK_TEMPORAL_ADDRESS": "", "COLUMNS": "160", "no_proxy": "*"}
PORTS = [part for name in ("api", "temporal", "ui") for part in (f"--{name}-port", "0")]


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "souk", "up", "--data-dir", str(tmp_path / "data"), *PORTS]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=inherited(NOWHERE), cwd=tmp_path)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    yield "".join(lines)
    process.terminate()
    process.stdout.close()
    assert process.wait(300) == 0


def address(shown: str, name: str) -> str:
    found = re.search(rf"{name} +(http://[^ │]+)", shown)
    assert found is not None, shown
    return found[1]


def pasted(shown: str, start: str, folder: Path) -> str:
    [command] = [line.strip() for line in shown.splitlines() if line.strip().startswith(start)]
    done = subprocess.run(
        ["bash", "-c", command], check=False, capture_output=True, text=True, cwd=folder, env=inherited(NOWHERE)
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_all_of_it_works_as_it_stands(shown: str, tmp_path: Path) -> None:
    market, ui = address(shown, "Market"), address(shown, "Temporal UI")
    with httpx.Client(trust_env=False, timeout=120, follow_redirects=True) as browser:
        for name in ("Market", "Console", "API docs", "Temporal UI"):
            page = browser.get(address(shown, name))
            assert page.status_code == 200, name
            assert page.headers["content-type"].startswith("text/html"), name
        agent = json.loads(pasted(shown, "curl ", tmp_path))
        me = browser.get(f"{market}/v1/agents/me", headers={"Authorization": f"Bearer {agent['api_key']}"})
        assert me.status_code == 200, me.text

        root, _, rest = ui.partition("/namespaces/")
        assert rest == "souk/workflows"
        settings = browser.get(f"{root}/api/v1/settings").json()
        assert settings["Codec"]["Endpoint"] == f"{market}/codec"
        assert settings["Codec"]["IncludeCredentials"] is True
        assert browser.get(f"{root}/api/v1/namespaces/souk/workflows").status_code == 200

        [key] = re.findall(r"souk_\S+", pasted(shown, sys.executable, tmp_path))
        sealed = {"payloads": [{"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": "eyJhIjoxfQ=="}]}

        def opened() -> httpx.Response:
            return browser.post(f"{market}/codec/decode", json=sealed, headers={"Origin": root})

        def sign_in(**more: str) -> None:
            form = {"key": key, **more}
            assert browser.post(f"{market}/console/sign-in", data=form, headers={"Origin": market}).status_code == 200

        sign_in()
        assert opened().status_code == 401, "nobody said why"
        sign_in(reason="Ticket 812: an order that was not delivered")
        answer = opened()
        assert answer.json() == sealed
        assert answer.headers["access-control-allow-origin"] == root
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "Ticket 812" in browser.get(f"{market}/console/log").text
        browser.post(f"{market}/console/sign-out", headers={"Origin": market})
        assert opened().status_code == 401
