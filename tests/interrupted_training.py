"""A command in a process of its own, which gets a signal at a given moment."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

# They are imported once; each process is a fork of the one that has.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["action_recognition.training.train", "sklearn.linear_model"])

TUNING = "action_recognition.training.lightning_module:TuningModule"


def run(
    arguments: Sequence[str], log: Path, signum: int = 0, where: str = "os:fsync", nth: int = 1
) -> int:
    """Runs a command; what it prints goes to a file.

    Parameters:
        signum: what the process gets; 0: nothing.
        where: `module:function`, whose `nth` call is the moment.

    Returns:
        its exit code; that of a process that a signal has killed is -(its number).
    """
    args = (list(arguments), str(log), signum, where, nth)
    process = _CONTEXT.Process(target=_run, args=args)
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _run(arguments: list[str], log: str, signum: int, where: str, nth: int) -> None:
    import torch

    from action_recognition.cli import main
    from action_recognition.models import stored_network

    torch.set_num_threads(1)
    # Those who prepare clips are begun as always, not by the server that began this process.
    multiprocessing.set_start_method(None, force=True)  # type: ignore[arg-type]
    stored_network._export = lambda architecture, size: None  # graphs take half a minute
    with Path(log).open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    sys.stdout, sys.stderr = open(1, "w"), open(2, "w")  # noqa: SIM115
    # Jobs in the background ignore the first, and what is run by `nohup` the second.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    module, _, name = where.partition(":")
    *outer, last = name.split(".")
    owner: Any = import_module(module)
    for part in outer:
        owner = getattr(owner, part)
    real, calls = getattr(owner, last), count(1)

    def counted(*values: Any, **options: Any) -> Any:
        if next(calls) == nth and signum:
            os.kill(os.getpid(), signum)
        return real(*values, **options)

    setattr(owner, last, counted)
    sys.exit(main(arguments))
