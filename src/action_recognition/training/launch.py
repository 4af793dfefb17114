"""Starts the processes of one machine that train together, with PyTorch's own launcher."""

from __future__ import annotations

import logging
import os
import signal
import sys
import uuid
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from action_recognition.errors import UsageError

# Who started a process says why the group has ended: the process itself need not.
PARENT = "ACTION_RECOGNITION_PARENT"
ERROR, LOST = 2, 75  # exit codes: it has said a sentence; it has missed another process
MODULE = "action_recognition"
_PORT = "29500"
_MEETING_S = 600  # that machines wait for each other at the beginning


def is_started() -> bool:
    """Whether this process is one that `start`, `torchrun` or the like has started."""
    return {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= set(os.environ)


class Failure(NamedTuple):
    """Why a group has ended before its end.

    Parameters:
        said: one of its processes has said the reason.
        reason: else, a few words.
    """

    said: bool
    reason: str = ""


def start(words: Sequence[str], devices: int, machines: int = 1) -> Failure | None:
    """Runs a command in several processes of this machine, and waits for them.

    Parameters:
        words: of the command, after the name of the program.
        devices: processes on this machine.
        machines: on all of which the same is started, with MASTER_ADDR (the address of the first
            one), NODE_RANK (the number of this one, from 0) and, if 29500 is taken, MASTER_PORT in
            the environment.

    Returns:
        None if all have come to their end.

    Raises:
        UsageError: the environment says nothing of the other machines, or they do not come.
        SignalException: of PyTorch; a signal has ended them.
    """
    from torch.distributed import DistError
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    place = _place(machines)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("torch.distributed"):  # it speaks to programmers
            logging.getLogger(name).setLevel(logging.CRITICAL)
    os.environ[PARENT] = "1"
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // devices)))
    with TemporaryDirectory(prefix="action-recognition-") as logs:
        config = LaunchConfig(
            min_nodes=machines, max_nodes=machines, nproc_per_node=devices, max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=logs), **place,
        )  # fmt: skip
        try:
            elastic_launch(config, sys.executable)("-m", MODULE, *words)
        except ChildFailedError as error:
            return failure({rank: f.exitcode for rank, f in error.failures.items()})
        except DistError:
            if machines == 1:
                raise
            met = place["rdzv_endpoint"]
            raise UsageError(
                f"--nodes {machines}: the machines have not met at {met} in {_MEETING_S // 60} "
                "minutes; is the command running on all of them, and can they reach that address?"
            ) from None
        finally:
            os.environ.pop(PARENT)
    return None


def failure(codes: dict[int, int]) -> Failure:
    """What the exit codes of processes say, by the numbers of the processes."""
    # The launcher sends SIGTERM to the rest.
    killed = sorted((code == -signal.SIGTERM, rank) for rank, code in codes.items() if code < 0)
    if killed:
        try:
            name = signal.Signals(-codes[killed[0][1]]).name
        except ValueError:
            name = f"signal {-codes[killed[0][1]]}"
        return Failure(False, f"process {killed[0][1]} was lost ({name})")
    if ERROR in codes.values():
        return Failure(True)
    own = sorted(rank for rank, code in codes.items() if code != LOST)
    if not own:
        return Failure(False, "a process on another machine was lost")
    return Failure(False, f"process {own[0]} has failed (exit code {codes[own[0]]})")


def _place(machines: int) -> dict[str, Any]:
    """Where the processes meet, for `LaunchConfig`."""
    if machines == 1:
        return {
            "rdzv_backend": "c10d", "rdzv_endpoint": "127.0.0.1:0", "local_addr": "127.0.0.1",
            "run_id": uuid.uuid4().hex,
        }  # fmt: skip
    env = os.environ
    rank = env.get("NODE_RANK", "")
    if "MASTER_ADDR" not in env or not rank.isdecimal() or int(rank) >= machines:
        raise UsageError(
            f"--nodes {machines}: start the same command on each of the {machines} machines, with "
            "MASTER_ADDR=(address of the first machine) and NODE_RANK=(0 on the first, 1 on the "
            "second, ...) in the environment; or start them with torchrun"
        )
    return {
        "rdzv_backend": "static", "run_id": "action-recognition",
        "rdzv_endpoint": f"{env['MASTER_ADDR']}:{env.get('MASTER_PORT', _PORT)}",
        "rdzv_configs": {"rank": int(rank), "timeout": _MEETING_S},
    }  # fmt: skip
