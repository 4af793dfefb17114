"""Memory or disk space that runs out is one sentence, which says what to lower."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from action_recognition.errors import TrainingError, VideoError
from action_recognition.training.settings import TrainingSettings

# What PyTorch, CUDA, NumPy and the system say when memory is out, in this process or in a worker.
_MEMORY = (
    r"out of ?memory|(can't|cannot|unable to) allocate|not enough memory|bad_?alloc|ALLOC_FAILED"
)
_GPU = r"OutOfMemoryError|\b(cuda|cublas|cudnn|hip)"
_DISK = r"No space left|Disk quota exceeded"
_SHARED_MEMORY = r"shared memory|/torch_|/dev/shm"
_WORKER = (
    r"DataLoader worker .*(killed|exited|shared memory)|Too many open files|received \d+ items|"
    r"can't start new thread|Resource temporarily unavailable"
)


@contextmanager
def explained(settings: TrainingSettings, folder: Path) -> Iterator[None]:
    """Around a training.

    Parameters:
        folder: of the run, where checkpoints are written.

    Raises:
        TrainingError: memory, shared memory, file handles or disk space ran out, or a file of the
            folder cannot be written.
        VideoError: a worker process met a video that it cannot read.
    """
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:
        said = _said(error)
        video = re.search(r"VideoError: (.+?): (.+)$", said)
        if video is not None:
            raise VideoError(video[1], video[2]) from None
        sentence = _explain(error, said, settings, folder)
        if sentence is None:
            raise
        raise TrainingError(sentence) from error


def _said(error: Exception) -> str:
    """The text of an error; of one in a worker process, which has its traceback in it, the end."""
    text = f"{type(error).__name__}: {error}".strip()
    return text.splitlines()[-1] if "in DataLoader worker process" in text else text


def _explain(error: Exception, said: str, settings: TrainingSettings, folder: Path) -> str | None:
    def says(pattern: str) -> bool:
        return re.search(pattern, said, re.IGNORECASE) is not None

    if says(_WORKER) or (says(_DISK) and says(_SHARED_MEMORY)):
        return (
            "a process that prepares clips failed, most likely for want of memory; go on with "
            f"--resume and fewer --workers (now {settings.workers}), or begin anew with lower "
            f"{_options(settings, 'batch', 'frames')}"
        )
    if says(_GPU) and says(_MEMORY):
        lower = _options(settings, "batch", "frames", "tuned_layers")
        return f"out of GPU memory; lower {lower}, or train with --device cpu"
    if isinstance(error, MemoryError) or says(_MEMORY):
        lower = _options(settings, "batch", "frames", "tuned_layers", "workers")
        return f"out of memory; lower {lower}"
    if says(_DISK):
        return f"no space left on the disk of {folder}; free some, and go on with --resume"
    if isinstance(error, OSError) and error.strerror and not isinstance(error, BrokenPipeError):
        return f"{error.filename or folder}: {error.strerror}"
    return None


def _options(settings: TrainingSettings, *names: str) -> str:
    """The options with their values, those that are 0 left out."""
    values = [(name.replace("_", "-"), getattr(settings, name)) for name in names]
    return ", ".join(f"--{name} (now {value})" for name, value in values if value)
