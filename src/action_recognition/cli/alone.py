"""A training keeps others out of its folder, ends by a signal, and says how to go on."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from action_recognition.cli.endings import ended_by_signals


def run_folder(output: Path) -> Path:
    """The folder of the training that writes a model file."""
    return output.with_suffix(".training")


@contextmanager
def alone(options: argparse.Namespace, output: Path) -> Iterator[None]:
    """Around a training: no other one writes that model file, and signals end it.

    Raises:
        Interrupted: a signal came.
        UsageError: another training to that file is running.
    """
    from action_recognition.training.run_folder import locked

    with locked(run_folder(output)), ended_by_signals(go_on(options, output)):
        yield


def go_on(options: argparse.Namespace, output: Path) -> Callable[[], list[str]]:
    """Gives the words of the command that goes on with what has begun from now on."""
    from action_recognition.training.run_folder import begun

    folder = run_folder(output)
    before = begun(folder)

    def command() -> list[str]:
        now, then = begun(folder), None if getattr(options, "restarted", False) else before
        resumed = options.resume if hasattr(options, "resume") else True  # `reproduce` always does
        return options.command + ["--resume"] * (not resumed and now not in (None, then))

    return command
