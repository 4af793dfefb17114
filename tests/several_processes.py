"""Trainings in several processes of this machine, as a user starts them; without the graphs."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from action_recognition.models.model_file import load_model
from tiny_network import weights

WORKER = Path(__file__).with_name("group_worker.py")
OPTIONS = [
    "--tuned-layers", "1", "--epochs", "3", "--views", "2", "--frames", "6", "--batch", "4",
    "--learning-rate", "1e-3", "--film-epochs", "1", "--lstm", "8", "--gru", "8", "--ema", "0.5",
    "--made", "3", "--workers", "0", "--device", "cpu",
]  # fmt: skip
STEP = "action_recognition.training.lightning_module:TuningModule.training_step"


def environment(**more: str) -> dict[str, str]:
    source = Path(torch.__file__).parents[1]
    paths = [str(WORKER.parent), *(p for p in sys.path if p and p != str(source))]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"} | more


def torchrun(
    processes: int, words: list[str], *, restarts: int = 0, **env: str
) -> subprocess.CompletedProcess[str]:
    """A command in several processes that `torchrun` starts."""
    start = ["--standalone", f"--nproc-per-node={processes}", f"--max-restarts={restarts}"]
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *start, str(WORKER), *words],
        env=environment(**env), capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip


def devices(words: list[str], **env: str) -> subprocess.CompletedProcess[str]:
    """A command with `--devices` or `--nodes`, which starts its processes itself."""
    code = (
        "import sys; from action_recognition.training import launch; "
        "launch.MODULE = 'group_worker'; "
        "from action_recognition.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        env=environment(**env), capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def figures(output: Path) -> list[dict[str, float]]:
    """Those of each epoch of a training."""
    path = output.with_suffix(".training") / "figures" / "metrics.csv"
    with path.open(newline="") as file:
        return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]


def check_same_figures(one: Path, two: Path) -> None:
    """On the test split: the same answers, and what depends on probabilities up to rounding."""
    found, expected = (dict(load_model(path).metrics) for path in (one, two))
    assert found["confusion"] == expected["confusion"]
    assert found["overall"] == expected["overall"]
    assert found["per_class"] == expected["per_class"]
    error = pytest.approx(expected["calibration_error"], abs=1e-3)
    assert found["calibration_error"] == error


def check_same(one: Path, two: Path) -> None:
    """The weights of two trainings are the same up to rounding, and the figures on the test split.

    AdamW divides by the size of a gradient: where that is next to nothing, what was rounded in
    another way can turn a whole step around. There are few such weights.
    """
    first, second = (
        torch.load(path.with_suffix(".training") / "last.ckpt", weights_only=True)["state_dict"]
        for path in (one, two)
    )
    assert first.keys() == second.keys()
    apart = torch.cat([(first[name] - second[name]).abs().flatten() for name in first])
    assert apart.mean() < 1e-5
    assert (apart > 1e-4).float().mean() < 1e-3
    models = [load_model(path) for path in (one, two)]
    last, other = (weights(model.network) for model in models)  # rounded to float16
    apart = torch.cat([(last[name] - other[name]).abs().flatten() for name in last])
    assert (apart > 2e-3).float().mean() < 1e-3
    assert models[0].temperature == pytest.approx(models[1].temperature, rel=1e-3)
    check_same_figures(one, two)
