"""The processes that train one network together: who writes, who does what, what all know.

Each process runs the whole training. What only looks at videos is shared out among them; what is
fitted on all videos is fitted by the writer, and the others get the result.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist

from action_recognition.errors import ActionRecognitionError, UsageError
from action_recognition.models.device import pick_device
from action_recognition.training.launch import is_started

Item = TypeVar("Item")
Result = TypeVar("Result")

# A process that ends is noticed at once; these are for machines that fall silent.
_STEP = timedelta(minutes=10)  # of training, and the longest write of a checkpoint
_TRY_S = 2.0  # to reach a store that may be gone
_STAGE = timedelta(hours=3)  # while the others wait for the writer
_LOST = re.compile(
    r"gloo|nccl|connection (was )?(closed|reset|refused)|broken pipe|socket timeout|"
    r"timed out (after )?waiting",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Processes:
    """One of the processes, as it sees all of them.

    Parameters:
        rank: number of this one; 0 is the writer, the only one that writes files and prints.
        count: of all.
        here: of those on this machine.
        restarted: the group was started again after it had lost a process.
        restarts_left: how often it will be, if it loses another.
    """

    rank: int = 0
    count: int = 1
    here: int = 1
    restarted: bool = False
    restarts_left: int = 0

    @property
    def writer(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def part(self, items: Sequence[Item]) -> Sequence[Item]:
        """Those of some items that this process has to do: every `count`-th."""
        return items[self.rank :: self.count]

    def to_writer(self, mine: Sequence[Item]) -> list[Item]:
        """What all processes have made of their parts, in the order of the items.

        Returns:
            it for the writer, and [] for the others.
        """
        if self.count == 1:
            return list(mine)
        parts: list[Any] | None = [None] * self.count if self.writer else None
        dist.gather_object(mine, parts, group=_group())
        return _merged(parts) if parts is not None else []

    def to_all(self, mine: Sequence[Item]) -> list[Item]:
        """As `to_writer`, for all processes."""
        if self.count == 1:
            return list(mine)
        parts: list[Any] = [None] * self.count
        dist.all_gather_object(parts, mine, group=_group())
        return _merged(parts)

    def each(
        self,
        items: Sequence[Item],
        work: Callable[[Item], Result],
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[Result]:
        """What some work makes of each item, for all processes; see `evaluation.Each`."""
        mine: list[Result] = []
        report = self.progress(len(items), on_progress)
        for item in self.part(items):
            mine.append(work(item))
            report(len(mine))
        return self.to_all(mine)

    def from_writer(self, work: Callable[[], Item]) -> Item:
        """What the writer gets by some work; the others wait for it.

        What it gets must lie on the CPU. An error that the package raises is raised in all.
        """
        if self.count == 1:
            return work()
        found: list[Any] = [None]
        if self.writer:
            try:
                found = [(work(), None)]
            except ActionRecognitionError as error:
                found = [(None, error)]
        dist.broadcast_object_list(found, src=0, group=_group())
        value, failure = found[0]
        if failure is not None:
            raise failure
        return cast(Item, value)

    def wait(self) -> None:
        """Until all have come so far."""
        self.from_writer(lambda: None)
        self.to_all([self.rank])

    def progress(
        self, total: int, report: Callable[[int, int], None] | None
    ) -> Callable[[int], None]:
        """Reports on all items, of those that this process has done of its part."""

        def done(mine: int) -> None:
            if report is not None:
                report(min(mine * self.count, total), total)

        return done

    def first_to_say(self) -> bool:
        """Whether no other process has said yet why the group ends."""
        if self.count == 1 or not _joined:
            return True
        try:
            return bool(_joined[0].add(_joined[2], 1) == 1)
        except RuntimeError:  # whoever holds the store is gone
            return True


ALONE = Processes()
_joined: list[Any] = []  # store, group, and key in the store of who says why the group ends


def join(device: str = "auto") -> Processes:
    """Joins the group that `torchrun` or `launch.start` has started; alone if there is none.

    Parameters:
        device: "auto", "cpu" or "cuda"; on GPUs, each process of a machine has its own.

    Raises:
        UsageError: there are fewer GPUs than processes on this machine.
    """
    env = os.environ
    tries = int(env.get("TORCHELASTIC_RESTART_COUNT", 0))
    left = max(0, int(env.get("TORCHELASTIC_MAX_RESTARTS", 0)) - tries)
    if int(env.get("WORLD_SIZE", 1)) < 2 or not is_started():
        return Processes(restarted=tries > 0, restarts_left=left)
    here, local_rank = int(env.get("LOCAL_WORLD_SIZE", 1)), int(env.get("LOCAL_RANK", 0))
    gpu = pick_device(device).type == "cuda"
    if gpu:
        found = torch.cuda.device_count()
        if here > found:
            raise UsageError(
                f"{here} processes on this machine, but it has {found} GPU{'s'[: found != 1]}: "
                "start as many as it has, or compute with --device cpu"
            )
        torch.cuda.set_device(local_rank)
    store, rank, count = next(dist.rendezvous("env://", timeout=_STEP))
    starts = store.add("starts", 1) if rank == 0 else 1
    own = _own_store(store, rank) if env.get("TORCHELASTIC_USE_AGENT_STORE") == "True" else store
    dist.init_process_group(
        "nccl" if gpu else "gloo", store=own, rank=rank, world_size=count, timeout=_STEP
    )
    # Objects go over the CPU, and may have to wait longer.
    _joined[:] = [store, dist.new_group(backend="gloo", timeout=_STAGE), f"said {own.port}"]
    processes = Processes(rank, count, here, restarts_left=left)
    # The launchers of several machines count apart, and not all of them count each start.
    restarted = any(processes.to_all([tries > 0 or starts > 1]))
    return replace(processes, restarted=restarted)


def _own_store(store: dist.TCPStore, rank: int) -> dist.TCPStore:
    """A store for this start of the group alone.

    That of `torchrun` stays when the group is started again, with the addresses of the processes
    that are gone (https://github.com/pytorch/pytorch/issues/135712).
    """
    host, options = os.environ["MASTER_ADDR"], {"wait_for_workers": False}
    if rank == 0:
        own = dist.TCPStore(host, 0, is_master=True, timeout=_STEP, **options)
        store.set("place", str(own.port))
        return own
    end = time.monotonic() + _STEP.total_seconds()
    while True:
        try:
            port = int(store.get("place"))
            # Where it is that of the group before, PyTorch would print its way through it.
            socket.create_connection((host, port), timeout=_TRY_S).close()
            return dist.TCPStore(host, port, is_master=False, timeout=_STEP, **options)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def leave() -> None:
    """Ends what `join` has begun."""
    if _joined:
        _joined.clear()
        dist.destroy_process_group()


def is_loss(error: BaseException) -> bool:
    """Whether an error says that another process is gone, and nothing about this one."""
    if isinstance(error, dist.DistBackendError | dist.DistNetworkError | dist.DistStoreError):
        return True
    return isinstance(error, RuntimeError) and _LOST.search(str(error)) is not None


def _group() -> dist.ProcessGroup:
    return cast(dist.ProcessGroup, _joined[1])


def _merged(parts: list[Any]) -> list[Any]:
    """Undoes `Processes.part`."""
    merged: list[Any] = [None] * sum(len(part) for part in parts)
    for rank, part in enumerate(parts):
        merged[rank :: len(parts)] = part
    return merged
