"""What runs out while training is said in one sentence that names what to lower."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from action_recognition.errors import TrainingError, UsageError, VideoError
from action_recognition.training.settings import TrainingSettings
from action_recognition.training.shortage import explained

SETTINGS = TrainingSettings(batch=16, frames=12, tuned_layers=11, workers=2)
LOWER = "lower --batch (now 16), --frames (now 12), --tuned-layers (now 11)"
WORKERS = (
    "a process that prepares clips failed, most likely for want of memory; go on with --resume and "
    "fewer --workers (now 2), or begin anew with lower --batch (now 16), --frames (now 12)"
)
DISK = "no space left on the disk of runs/m.training; free some, and go on with --resume"


def numpy_array() -> None:
    np.empty(2**50)


def torch_array() -> None:
    torch.empty(2**50)


def fail(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (numpy_array, f"out of memory; {LOWER}, --workers (now 2)"),
        (torch_array, f"out of memory; {LOWER}, --workers (now 2)"),
        (fail(MemoryError()), f"out of memory; {LOWER}, --workers (now 2)"),
        (fail(OSError(errno.ENOMEM, "Cannot allocate memory")), f"out of memory; {LOWER}, "),
        (fail(RuntimeError("DefaultCPUAllocator: not enough memory: you")), "out of memory; "),
        (
            fail(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")),
            f"out of GPU memory; {LOWER}, or train with --device cpu",
        ),
        (fail(RuntimeError("CUDA error: out of memory\nKernel errors")), "out of GPU memory; "),
        (fail(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when")), "out of GPU memory; "),
        (fail(RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")), WORKERS),
        (fail(RuntimeError("DataLoader worker (pid(s) 7, 8) exited unexpectedly")), WORKERS),
        (fail(RuntimeError("unable to write to file </torch_1_2>: No space left (28)")), WORKERS),
        (fail(OSError(errno.EMFILE, "Too many open files")), WORKERS),
        (fail(BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")), WORKERS),
        (fail(OSError(errno.ENOSPC, "No space left on device")), DISK),
        (fail(OSError(errno.EDQUOT, "Disk quota exceeded", "x")), DISK),
        (fail(OSError(errno.EROFS, "Read-only file system", "a/b")), "a/b: Read-only file system"),
        (fail(PermissionError(errno.EACCES, "Permission denied", "a")), "a: Permission denied"),
        (fail(OSError(errno.EIO, "Input/output error")), "runs/m.training: Input/output error"),
    ],
)  # fmt: skip
def test_each_is_one_sentence(work: Callable[[], None], sentence: str) -> None:
    with pytest.raises(TrainingError) as caught, explained(SETTINGS, Path("runs/m.training")):
        work()
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_what_is_off_is_not_to_be_lowered() -> None:
    settings = replace(SETTINGS, tuned_layers=0, workers=0)
    with pytest.raises(TrainingError) as caught, explained(settings, Path("m.training")):
        raise MemoryError
    assert str(caught.value) == "out of memory; lower --batch (now 16), --frames (now 12)"


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("shapes do not fit"),
        BrokenPipeError(errno.EPIPE, "Broken pipe"),
        VideoError("a.mp4", "it is empty"),
        UsageError("out of memory"),
        KeyboardInterrupt(),
        KeyError("memory"),
    ],
)
def test_other_errors_stay_what_they_are(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, explained(SETTINGS, Path("m.training")):
        raise error
    assert caught.value is error


class Clips(Dataset[int]):
    """Whose items fail."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        self.work()
        return index


def read_in_a_worker(work: Callable[[], Any]) -> None:
    clips: Any = iter(DataLoader(Clips(work), num_workers=1))
    try:
        list(clips)
    finally:
        clips._shutdown_workers()  # else it waits for garbage collection, and that waits for 5 s


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (killed, WORKERS),
        (numpy_array, f"out of memory; {LOWER}, --workers (now 2)"),
        (torch_array, f"out of memory; {LOWER}, --workers (now 2)"),
        (fail(OSError(errno.EMFILE, "Too many open files")), WORKERS),
    ],
)
def test_in_a_worker_process(work: Callable[[], None], sentence: str) -> None:
    with pytest.raises(TrainingError) as caught, explained(SETTINGS, Path("m.training")):
        read_in_a_worker(work)
    assert str(caught.value) == sentence


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.mp4", "out of memory, no space left.mp4"])
def test_a_video_that_a_worker_cannot_read(name: str) -> None:
    """Guards: what a worker raises comes as a RuntimeError with a traceback in its message."""
    broken = fail(VideoError(name, "it is damaged: no frames"))
    with pytest.raises(VideoError) as caught, explained(SETTINGS, Path("m.training")):
        read_in_a_worker(broken)
    assert (caught.value.name, caught.value.reason) == (name, "it is damaged: no frames")
