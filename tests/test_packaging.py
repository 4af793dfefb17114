"""What is given to others: the wheel, and the files that make a container of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[1]
IGNORED = shutil.ignore_patterns("__pycache__", "*.egg-info")


@pytest.mark.slow
def test_the_wheel_holds_what_it_needs(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=IGNORED)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as held:
        names = {name for name in held.namelist() if ".dist-info" not in name}
        (entry,) = (n for n in held.namelist() if n.endswith("entry_points.txt"))
        assert "action-recognition = action_recognition.cli:main" in held.read(entry).decode()
    source = ROOT / "src"
    wanted = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.is_file() and not {"__pycache__"} & set(path.parts) and ".egg-info" not in str(path)
    }
    assert names == wanted


def instructions(text: str) -> list[tuple[str, str]]:
    """Of a Dockerfile: (instruction, the rest of it)."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", text))
    return [(word, rest) for line in joined.splitlines() if line
            for word, _, rest in [line.partition(" ")]]  # fmt: skip


def test_the_container_runs_as_nobody_and_copies_what_there_is() -> None:
    said = instructions((ROOT / "Dockerfile").read_text())
    words = [word for word, _ in said]
    assert set(words) <= {"FROM", "ARG", "ENV", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE",
                          "HEALTHCHECK", "ENTRYPOINT", "CMD"}  # fmt: skip
    assert words.index("USER") > max(k for k, word in enumerate(words) if word == "RUN")
    assert dict(said)["USER"] != "root"
    assert "HEALTHCHECK" in words
    copied = {
        name
        for word, rest in said
        if word == "COPY" and not rest.startswith("--from")
        for name in rest.split()[:-1]
    }
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert copied == {line[1:] for line in ignored if line.startswith("!")}
    assert all((ROOT / name).exists() for name in copied)


def test_the_services_exist_and_only_this_machine_reaches_them() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert set(services) == {"dashboard", "service"}
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert service["read_only"]
        build = service["build"]
        extra = "app" if build == "." else build["args"]["EXTRA"]
        assert extra in extras["optional-dependencies"]
