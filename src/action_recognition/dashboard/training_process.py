"""A command that trains for one visit: a process of its own, of which one runs at a time.

Its files and the new model lie in a temporary folder that only this server's user can read, and
that goes with the visit.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

_COMMAND = ("-m", "action_recognition")
_LINES = 200  # of what the command has printed
_AT_WORK: weakref.WeakSet[TrainingProcess] = weakref.WeakSet()


class TrainingProcess:
    """The trainings of one visit, one after the other.

    Parameters:
        model: name of the file that they write.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._folder: TemporaryDirectory[str] | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        weakref.finalize(self, _end, self._processes)

    def start_command(self, *arguments: str) -> None:
        """Starts `action-recognition` with these arguments; what went on before is ended."""
        self.stop()
        with (self.folder() / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *_COMMAND, *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self._processes[:] = [process]
        _AT_WORK.add(self)

    def stop(self) -> None:
        """Ends the command, if one is going on."""
        _end(self._processes)

    @property
    def running(self) -> bool:
        """Whether a command is going on."""
        return any(process.poll() is None for process in self._processes)

    @property
    def exit_code(self) -> int | None:
        """Of the last command; None: there was none, or it goes on."""
        return self._processes[0].poll() if self._processes else None

    @property
    def lines(self) -> list[str]:
        """The last lines that the command has printed."""
        if not self._processes or self._folder is None:
            return []
        text = Path(self._folder.name, "log").read_text(encoding="utf-8", errors="replace")
        return text.splitlines()[-_LINES:]

    @property
    def model_path(self) -> Path:
        """The new model's file, which is there once a training has ended well."""
        return self.folder() / self._model

    def owns(self, path: Path) -> bool:
        """Whether a model file is one that this visit has made."""
        return self._folder is not None and path.is_relative_to(self._folder.name)

    def folder(self) -> Path:
        """The temporary folder, which is made when it is first needed."""
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="action-recognition-")
        return Path(self._folder.name)


def installed(*modules: str) -> bool:
    """Whether what a training needs is installed."""
    return all(importlib.util.find_spec(module) is not None for module in modules)


def others_train(process: TrainingProcess) -> bool:
    """Whether another training of this server is going on: one at a time has the machine."""
    return any(other is not process and other.running for other in _AT_WORK)


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
