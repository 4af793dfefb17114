"""Dockerfile, compose.yaml and .dockerignore agree with each other and with the command line.

No container engine is needed. hadolint is asked where it is installed.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest

from action_recognition.cli import app, main
from action_recognition.dashboard.settings import LIMITS, limit_variable

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[1]
Instructions = list[tuple[str, str]]


@pytest.fixture(scope="module")
def dockerfile() -> Instructions:
    """(instruction, what follows it), without comments and with continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(a, b) for a, _, b in (line.partition(" ") for line in joined.splitlines() if line)]


def values(dockerfile: Instructions, name: str) -> list[str]:
    return [value for instruction, value in dockerfile if instruction == name]


def test_what_is_copied_is_there_and_not_ignored(dockerfile: Instructions) -> None:
    patterns = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    kept = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    assert "*" in patterns
    copied = [v for v in values(dockerfile, "COPY") if not v.startswith("--from")]
    for name in (name for value in copied for name in value.split()[:-1]):
        assert (ROOT / name).exists()
        assert any(fnmatch(name, pattern) for pattern in kept), name


def test_its_command_is_one_of_the_command_line(
    dockerfile: Instructions, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[argparse.Namespace] = []
    monkeypatch.setattr(app, "run", lambda options: called.append(options) or 0)
    name, *arguments = json.loads(values(dockerfile, "CMD")[-1])
    assert name == "action-recognition"
    assert main(arguments) == 0
    assert called[0].no_browser
    assert called[0].address == "0.0.0.0"  # of the container
    assert values(dockerfile, "EXPOSE") == [str(called[0].port)]
    assert f"127.0.0.1:{called[0].port}/" in values(dockerfile, "HEALTHCHECK")[0]


def test_it_does_not_run_as_root(dockerfile: Instructions) -> None:
    assert values(dockerfile, "USER") == ["10001"]


def test_compose_opens_it_to_this_machine_alone_and_takes_what_it_does_not_need() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(services["app"]["environment"]) <= {limit_variable(name) for name in LIMITS}


def test_hadolint_finds_nothing() -> None:
    if shutil.which("hadolint") is None:
        pytest.skip("needs hadolint")
    done = subprocess.run(
        ["hadolint", "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
