"""Ray: begun and ended here, and the steps of a batch as one of its streaming data sets."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import ray
import ray.data

from action_recognition.batch.settings import Settings
from action_recognition.batch.sources import SourceFile
from action_recognition.batch.worker import Row, Worker, pieces
from action_recognition.errors import UsageError

_STORE_BYTES = 200 * 2**20  # rows on their way; frames never leave their worker
_WORKER_CPUS, _PIECES_CPUS = 0.9, 0.1  # workers on all cores leave room for the step before them
_RETRIES = 3  # of a piece whose worker has ended


@contextmanager
def engine(address: str | None, workers: int | None) -> Iterator[int]:
    """Joins a cluster, or begins one of this machine alone; yields the number of workers.

    Parameters:
        address: of a cluster that runs, `auto` for that of this machine; None: begins one.
        workers: how many; None: one for each core.

    Raises:
        UsageError: there is no cluster at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what goes wrong, this program says
    folder = None
    if address is None:
        folder = tempfile.mkdtemp(prefix="ar-")  # short: sockets are in it
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
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
        except (ConnectionError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"--address {address}: no cluster there ({reason})") from None
    try:
        yield workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def answers(
    files: Sequence[tuple[str, SourceFile]], settings: Settings, workers: int
) -> Iterator[Row]:
    """Yields a row for each piece of each video, in the order in which they get ready.

    What is lost with a worker is done again by another. A piece that has ended several of them is
    left out.

    Parameters:
        files: the videos with their keys.
    """
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1
    context.target_max_block_size = 1  # a row a block: the pieces of a film go to many workers
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    # `max_restarts` has no other name yet.
    warnings.filterwarnings("ignore", message=".*ray_remote_args. is deprecated")
    rows = [{"key": key, **f.row} for key, f in files]
    found = (
        ray.data.from_items(rows, override_num_blocks=len(rows))
        .flat_map(
            pieces, fn_kwargs={"settings": settings}, num_cpus=_PIECES_CPUS, concurrency=workers
        )
        .map(
            Worker,
            fn_constructor_args=(settings,),
            num_cpus=_WORKER_CPUS,
            num_gpus=1 if settings.device == "cuda" else 0,
            concurrency=workers,
            max_restarts=-1,
            max_task_retries=_RETRIES,
        )
    )
    for table in found.iter_batches(batch_size=None, batch_format="pyarrow"):
        yield from table.to_pylist()
