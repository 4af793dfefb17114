"""Trainings of some seconds, as a user types them."""

from __future__ import annotations

from pathlib import Path

from action_recognition.cli import main

SHORT = [
    "--tuned-layers", "1", "--epochs", "1", "--views", "1", "--frames", "4", "--batch", "4",
    "--film-epochs", "1", "--lstm", "8", "--gru", "8", "--workers", "0", "--device", "cpu",
]  # fmt: skip


def train(data: Path, output: Path, *options: str, init: Path | None = None) -> int:
    start = init or data.parent / "tiny.h5"
    files = ["--data", str(data), "--output", str(output), "--init", str(start)]
    return main(["train", *files, *SHORT, *options])
