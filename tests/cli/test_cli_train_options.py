"""The options of `train`: their defaults, where they arrive, and what `--help` loads."""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import fields

import pytest

from action_recognition.cli.train import add_parser, fingerprint_options, read_settings
from action_recognition.training.settings import Augmentation, TrainingSettings
from action_recognition.training.train import Run

pytestmark = pytest.mark.slow  # the whole file: some seconds


def options_of(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    return parser.parse_args(["train", "--data", "d", "--output", "m.h5", *arguments])


def test_defaults_are_those_of_the_settings() -> None:
    options = options_of()
    assert read_settings(options) == TrainingSettings()
    run = {f.name: f.default for f in fields(Run)}
    for name in ("init", "resume", "device"):
        assert getattr(options, name) == run[name], name


def test_each_option_arrives_where_it_belongs() -> None:
    options = options_of(
        "--lstm", "12", "--gru", "13", "--tuned-layers", "3", "--epochs", "4", "--views", "5",
        "--frames", "6", "--batch", "7",
        "--others", "0.7", "--learning-rate", "0.1", "--memory", "0.2", "--ema", "0.3",
        "--patience", "8",
        "--film-epochs", "9", "--workers", "10", "--seed", "11", "--precision", "bf16-mixed",
        "--no-flip",
    )  # fmt: skip
    assert read_settings(options) == TrainingSettings(
        lstm=12, gru=13, tuned_layers=3, epochs=4, views=5, frames=6, batch=7, others=0.7,
        learning_rate=0.1, memory=0.2, ema=0.3, patience=8, film_epochs=9, workers=10, seed=11,
        precision="bf16-mixed",
        augmentation=Augmentation(flip=False),
    )  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        ["--init", "shipped"],
        ["--background", "x"],
        ["--background-classes", "a,b"],
        ["--background-clips", "3"],
        ["--made", "1"],
        ["--pictures", "x"],
        ["--lstm", "0"],
        ["--gru", "0"],
    ],
)
def test_reproduce_tells_other_options_apart(changed: list[str]) -> None:
    same = fingerprint_options(options_of("--note", "x", "--device", "cpu", "--resume"))
    assert same == fingerprint_options(options_of())
    assert fingerprint_options(options_of(*changed)) != same


HELP = """
import sys
from action_recognition.cli import main
try:
    main([sys.argv[1], "--help"])
except SystemExit as stop:
    assert stop.code == 0
heavy = {"torch", "lightning", "sklearn", "scipy", "av", "h5py", "numpy"} & set(sys.modules)
print("loaded:", sorted(heavy))
"""


@pytest.mark.parametrize("command", ["train", "reproduce", "evaluate", "import-kinetics"])
def test_help_loads_no_torch(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELP, command], capture_output=True, text=True, check=True
    )
    assert "torch" not in done.stdout.splitlines()[-1]
    if command == "train":
        text = " ".join(done.stdout.split())
        assert f"(default: {TrainingSettings().learning_rate})" in text
        assert "(default: kinetics600)" in text
