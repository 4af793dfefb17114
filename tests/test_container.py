"""Dockerfile, compose.yaml and .dockerignore agree with each other and with the command line.

No container engine is needed. hadolint comes with the development tools on Linux.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from action_recognition.cli import app, main, serve
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


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """Those of compose.yaml, by name."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return found["services"]


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


def test_its_commands_are_those_of_the_command_line(
    dockerfile: Instructions, services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[argparse.Namespace] = []
    for command in (app, serve):
        monkeypatch.setattr(command, "run", lambda options: called.append(options) or 0)
    assert json.loads(values(dockerfile, "ENTRYPOINT")[0]) == ["action-recognition"]
    assert main(json.loads(values(dockerfile, "CMD")[0])) == 0
    assert main(services["service"]["command"]) == 0
    assert called[0].no_browser
    assert [options.address for options in called] == ["0.0.0.0", "0.0.0.0"]  # of the container
    ports = [f"127.0.0.1:{options.port}:{options.port}" for options in called]
    assert [services[name]["ports"] for name in ("app", "service")] == [[port] for port in ports]
    assert values(dockerfile, "EXPOSE") == [str(called[0].port)]
    assert f"PORT={called[0].port} " in values(dockerfile, "ENV")[0]
    assert services["service"]["environment"]["PORT"] == str(called[1].port)


def test_its_extras_are_those_of_the_package(
    dockerfile: Instructions, services: dict[str, Any]
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    default = values(dockerfile, "ARG")[0].removeprefix("EXTRA=")
    other = services["service"]["build"]["args"]["EXTRA"]
    assert {default, other} <= set(project["optional-dependencies"])


def test_it_does_not_run_as_root(dockerfile: Instructions) -> None:
    assert values(dockerfile, "USER") == ["10001"]


def test_compose_takes_away_what_is_not_needed(services: dict[str, Any]) -> None:
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(services["app"]["environment"]) <= {limit_variable(name) for name in LIMITS}


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        pytest.skip("needs hadolint")
    done = subprocess.run(
        [hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
