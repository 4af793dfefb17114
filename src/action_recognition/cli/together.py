"""Commands that several processes carry out together: their options, their start, their end."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from action_recognition.cli.endings import Interrupted
from action_recognition.errors import ActionRecognitionError, TrainingError, UsageError

if TYPE_CHECKING:
    from action_recognition.training.processes import Processes

Words = Callable[[], Sequence[str]]


def add_process_options(parser: argparse.ArgumentParser) -> None:
    """`--devices` and `--nodes`; `run_together` reads them."""
    parser.add_argument(
        "--devices", metavar="N", type=int, default=1,
        help="processes on this machine, each with a GPU of its own; without a GPU, on the CPU",
    )  # fmt: skip
    parser.add_argument(
        "--nodes", metavar="N", type=int, default=1,
        help="machines; start the same command on each, with MASTER_ADDR (the address of the "
        "first) and NODE_RANK (0 on the first, 1 on the second, ...) in the environment, or use "
        "torchrun instead of both options",
    )  # fmt: skip


def run_together(
    options: argparse.Namespace, work: Callable[[Processes | None], int], go_on: Words
) -> int:
    """Does some work in as many processes as the options say, or as `torchrun` has started.

    Parameters:
        work: is given the process as it sees the others; None: it is the only one.
        go_on: gives the words of the command that goes on after an interruption.

    Returns:
        the exit code.

    Raises:
        Interrupted: a signal came.
        TrainingError: a process was lost.
        UsageError: the numbers of processes are wrong.
    """
    from action_recognition.training.launch import is_started

    for name in ("devices", "nodes"):
        if getattr(options, name) < 1:
            raise UsageError(f"--{name} is {getattr(options, name)}, must be at least 1")
    if is_started():
        return _take_part(options, work, go_on)
    if options.devices == options.nodes == 1:
        return work(None)
    return _start(options, go_on)


def _start(options: argparse.Namespace, go_on: Words) -> int:
    """Starts the processes of this machine; one of them says what there is to say."""
    import torch.distributed.elastic.multiprocessing as elastic

    from action_recognition.training.launch import ERROR, start

    try:
        failure = start(options.command[1:], options.devices, options.nodes)
    except elastic.SignalException as came:
        raise Interrupted(came.sigval, go_on()) from None
    if failure is None:
        return 0
    if failure.said:
        return ERROR
    raise TrainingError(f"{failure.reason}; go on with: {shlex.join(go_on())}")


def _take_part(
    options: argparse.Namespace, work: Callable[[Processes | None], int], go_on: Words
) -> int:
    """As one of several processes. Only the writer prints; the first that fails says why."""
    from action_recognition.training.launch import ERROR, LOST, PARENT
    from action_recognition.training.processes import ALONE, is_loss, join, leave

    processes, has_parent = ALONE, PARENT in os.environ
    if has_parent:  # which says that a signal came; a checkpoint is whole at any moment
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda came, _: os._exit(128 + came))
        threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    try:
        processes = join(options.device)
        options.restarted = processes.restarted
        with _quiet(not processes.writer):
            _check(options, processes)
            code = work(processes)
            processes.wait()
        leave()
        return code
    except (ActionRecognitionError, KeyboardInterrupt) as error:
        if isinstance(error, KeyboardInterrupt):
            says = not has_parent and processes.first_to_say()
            _end(128 + getattr(error, "signum", 2), error if says else None)
        _end(ERROR, error if processes.first_to_say() else None)
    except Exception as error:
        if not is_loss(error):
            raise
        if has_parent or not processes.first_to_say():
            _end(LOST)
        then = f"go on with: {shlex.join(go_on())}"
        if processes.restarts_left:
            then = "it is started again, and goes on from the last epoch"
        _end(ERROR, TrainingError(f"another process was lost; {then}"))


def _end(code: int, error: BaseException | None = None) -> NoReturn:
    """Ends this process at once: on its usual way out, PyTorch would wait for the others."""
    if error is not None:
        print(f"action-recognition: {error}", file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _end_with(parent: int) -> None:
    """Ends this process when the one that has started it is gone, even by SIGKILL."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def _check(options: argparse.Namespace, processes: Processes) -> None:
    machines = processes.count // processes.here
    for name, there in (("devices", processes.here), ("nodes", machines)):
        if getattr(options, name) not in (1, there):
            raise UsageError(
                f"--{name} {getattr(options, name)}: {there} were started; with torchrun, leave "
                "this option out"
            )


@contextmanager
def _quiet(yes: bool) -> Iterator[None]:
    """Nothing is printed."""
    if not yes:
        yield
        return
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield
