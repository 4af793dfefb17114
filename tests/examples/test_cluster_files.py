"""The files that start a cluster: Ray and the shell take them, and their commands exist."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from action_recognition.cli import batch
from action_recognition.cli.main import make_parser

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = ROOT / "examples" / "cluster"
PAGE = ROOT / "docs" / "scale.md"


def read_cluster() -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((CLUSTER / "ray-cluster.yaml").read_text("utf-8"))
    return config


def commands(path: Path) -> list[list[str]]:
    """The arguments of each `action-recognition` that a file starts."""
    text = path.read_text("utf-8").replace("\\\n", " ")
    found = re.findall(r"^[^#\n`]*\baction-recognition ([a-z].*)$", text, re.MULTILINE)
    return [shlex.split(command.rstrip("'")) for command in found]


def test_ray_takes_the_cluster_file() -> None:
    util = pytest.importorskip("ray.autoscaler._private.util")
    config = util.prepare_config(read_cluster())
    util.validate_config(config)
    assert config["max_workers"] == len(config["provider"]["worker_ips"])


def test_the_first_machine_is_the_same_in_the_whole_cluster_file() -> None:
    config = read_cluster()
    start = config["head_start_ray_commands"][-1]
    assert f"--node-ip-address={config['provider']['head_ip']} " in start


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is missing")
def test_bash_takes_the_slurm_script() -> None:
    checked = subprocess.run(
        ["bash", "-n", CLUSTER / "slurm.sh"], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize(
    ("path", "count"), [(CLUSTER / "slurm.sh", 1), (PAGE, 4)], ids=["slurm.sh", "scale.md"]
)
def test_the_commands_exist(path: Path, count: int) -> None:
    found = commands(path)
    assert len(found) == count
    for arguments in found:
        assert make_parser().parse_args(arguments).run is batch.run


def test_the_page_shows_both_files() -> None:
    page = PAGE.read_text("utf-8")
    for path in CLUSTER.iterdir():
        assert f"--8<--\nexamples/cluster/{path.name}\n--8<--" in page
