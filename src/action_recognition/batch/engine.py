"""Ray: begun and ended here, and the steps of a batch as one of its streaming data sets."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import ray
import ray.data

from action_recognition.batch.films import Row
from action_recognition.batch.settings import Settings
from action_recognition.batch.worker import Task, Worker
from action_recognition.errors import ActionRecognitionError, DataError, UsageError

_STORE_BYTES = 200 * 2**20  # rows on their way; frames never leave their worker
_RETRIES = 3  # of a task whose worker has ended
_BLOCKS = 1000  # that tasks come from, at most: each costs memory and time before the first answer
_TOGETHER, _TOGETHER_BYTES = 16, 16 * 2**20  # videos of a task at most
_TASKS_A_WORKER = 8  # at least, where there are enough videos: the last ones end together


@dataclass(frozen=True)
class Plan:
    """Who does what.

    Parameters:
        workers: number of processes with the model.
        on_gpu: each of them has a GPU.
        decoders: videos that a worker looks at together, each decoded in a process of its own; 0:
            one after the other, decoded in a thread of the worker.
    """

    workers: int
    on_gpu: bool = False
    decoders: int = 0


@contextmanager
def engine(
    address: str | None, device: str, workers: int | None, decoders: int | None
) -> Iterator[Plan]:
    """Joins a cluster, or begins one of this machine alone.

    Parameters:
        address: of a cluster that runs, `auto` for that of this machine; None: begins one.
        device: "cpu", "cuda" or "auto": GPUs if the cluster has any.
        workers: how many; None: one for each core, or one for each GPU.
        decoders: see `Plan`; None: 0, or the cores that there are for each GPU.

    Raises:
        UsageError: there is no cluster at the address, or no GPU in it.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what goes wrong, this program says
    ray._private.worker._worker_logs_enabled = False  # else told on stdout, where results belong
    folder = None
    if address is None:
        folder = tempfile.mkdtemp(prefix="ar-")  # short: sockets are in it
        with _silent():
            ray.init(
                num_cpus=workers,
                object_store_memory=_STORE_BYTES,
                include_dashboard=False,
                logging_level=logging.ERROR,
                log_to_driver=False,
                _temp_dir=folder,
            )
    else:
        try:
            with _silent():
                ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
        except (ConnectionError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"--address {address}: no cluster there ({reason})") from None
    try:
        yield _plan(ray.cluster_resources(), device, workers, decoders)
    finally:
        ray.shutdown()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _silent() -> Iterator[None]:
    """Nothing is written to stderr, not even by Ray's C++: it tells its level of logging there."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _plan(
    resources: Mapping[str, float], device: str, workers: int | None, decoders: int | None
) -> Plan:
    cores, gpus = int(resources.get("CPU", 1)), int(resources.get("GPU", 0))
    if device == "cuda" and not gpus:
        raise UsageError("--device cuda: the cluster has no GPU")
    on_gpu = device != "cpu" and gpus > 0
    count = workers or max(1, gpus if on_gpu else cores)
    if decoders is None:
        decoders = max(1, cores // count) if on_gpu else 0
    return Plan(count, on_gpu, decoders)


def answers(
    rows: Sequence[Row],
    settings: Settings,
    plan: Plan,
    *,
    alone: bool = False,
) -> Iterator[Row]:
    """Yields what workers give back for videos and pieces, in the order in which they get ready.

    Large videos go first. What is lost with a worker is done again by another. A task that has
    ended several of them is left out.

    Parameters:
        rows: as from `Films.to_do`.
        alone: a task for each row; otherwise small videos share one.

    Raises:
        DataError: no worker could begin.
        ModelFileError: a machine has no such model, or another one under its name.
    """
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1
    context.target_max_block_size = 1  # a task a block: the pieces of a film go to many workers
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    # `max_restarts` has no other name yet.
    warnings.filterwarnings("ignore", message=".*ray_remote_args. is deprecated")
    tasks = _tasks(rows, 1 if alone else len(rows) // (_TASKS_A_WORKER * plan.workers))
    found = ray.data.from_items(tasks, override_num_blocks=min(len(tasks), _BLOCKS)).map(
        Worker,
        fn_constructor_args=(settings, plan.decoders > 0),
        num_cpus=0 if plan.decoders else 1,  # they are for those who decode
        num_gpus=int(plan.on_gpu),
        compute=ray.data.ActorPoolStrategy(
            size=plan.workers,
            max_concurrent_calls_per_actor=max(1, plan.decoders),
            enable_true_multi_threading=True,
        ),
        max_restarts=-1,
        max_task_retries=_RETRIES,
    )
    begun = False
    try:
        for table in found.iter_batches(batch_size=None, batch_format="pyarrow"):
            begun = True
            for task in table.to_pylist():
                yield from task["rows"]
    except ray.exceptions.RayError as error:  # all workers, not one of them; the rest is left out
        if reason := _of_our_own(error):
            raise reason from None
        if not begun:
            line = str(error).partition("\n")[0]
            raise DataError(f"no worker of Ray could begin: {line}") from None


def _of_our_own(error: BaseException) -> ActionRecognitionError | None:
    """What a worker has raised, if that is what ended it: it would end all others, too."""
    inside = [error, getattr(error, "cause", None), *error.args]
    inside += [getattr(each, "cause", None) for each in error.args]
    return next((each for each in inside if isinstance(each, ActionRecognitionError)), None)


def _tasks(rows: Sequence[Row], most: int) -> list[Task]:
    """The rows in tasks of at most so many, the largest first, and pieces by themselves."""
    most = max(1, min(most, _TOGETHER))
    tasks: list[Task] = []
    room = 0  # bytes that still fit into the last task
    for row in sorted(rows, key=lambda row: -row["size"]):
        alone = row["of"] or row["size"] > room
        if not tasks or alone or len(tasks[-1]["rows"]) == most:
            tasks.append({"rows": []})
            room = 0 if row["of"] else max(row["size"], _TOGETHER_BYTES)
        tasks[-1]["rows"].append(row)
        room -= row["size"]
    return tasks
