"""What a page shows, pasted: in an empty folder, by somebody whose shell knows where a Souk is and nothing else."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def blocks(page: str, language: str) -> list[str]:
    """The page's blocks in that language; its name from the root of the repository."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def run_pasted(souk_url: str, folder: Path, *command: str) -> list[str]:
    """The lines that it says. The folder may be there, empty."""
    folder.mkdir(exist_ok=True)
    assert list(folder.iterdir()) == []
    # A proxy of the machine must not stand between curl and this machine.
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "SOUK": souk_url, "no_proxy": "*"}
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=280, cwd=folder, env=variables,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout.splitlines()


def run_shell(souk_url: str, folder: Path, script: str) -> list[str]:
    """As ``run_pasted``, where the first command that fails ends it."""
    return run_pasted(souk_url, folder, "bash", "-euo", "pipefail", "-c", script)
