"""The batches of an epoch, and the part of each that one of several processes computes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import Sampler

from action_recognition.errors import UsageError
from action_recognition.training.footage import Sample
from action_recognition.training.processes import ALONE, Processes
from action_recognition.training.random_clips import ClipOrder, Place


class Batches(Sampler[list[Place]]):
    """Parts of batches, one after the other: `parts` of a batch for each step of the training.

    A batch is divided among all processes, and in each of them into `parts` that are computed one
    after the other before the weights change. No clip is in two parts; parts of a batch differ by
    one clip at most. Which batches there are depends neither on the number of processes nor on
    that of the parts: an epoch is cut into batches of `batch` clips; what is left over is not
    used, unless it is all there is.

    Parameters:
        order: the clips of an epoch; Lightning sets its epoch, by the attribute `sampler`.
        samples: what the order is of.
        batch: clips of a batch, of all processes together.
        parts: in which each process computes its part of a batch.

    Raises:
        UsageError: there are fewer clips than parts.
    """

    def __init__(
        self,
        order: ClipOrder,
        samples: Sequence[Sample],
        batch: int,
        processes: Processes = ALONE,
        parts: int = 1,
    ) -> None:
        self.sampler, self.batch, self.parts = order, min(batch, len(order)), parts
        self._samples, self._rank, self._all = samples, processes.rank, processes.count * parts
        if self.batch < self._all:
            what = f"--batch {batch}" if batch < self._all else f"an epoch of {len(order)} clips"
            raise UsageError(
                f"{what} cannot be divided among {_times(processes.count, 'process', 'es')}"
                + (f" of {_times(parts, 'part')} each" if parts > 1 else "")
            )
        self._processes = processes.count
        self._epoch, self._places = -1, list[Place]()

    def __len__(self) -> int:
        return len(self.sampler) // self.batch * self.parts

    def __iter__(self) -> Iterator[list[Place]]:
        for number in range(len(self)):
            first = number % self.parts * self._processes + self._rank
            yield self.whole(number)[first :: self._all]

    def whole(self, number: int) -> list[Place]:
        """The whole batch that part number `number` of the epoch belongs to."""
        if self._epoch != self.sampler.epoch:
            self._epoch, self._places = self.sampler.epoch, list(self.sampler)
        start = number // self.parts * self.batch
        return self._places[start : start + self.batch]

    def targets(self, number: int) -> Tensor:
        """The targets (batch,) of the whole batch that a part belongs to."""
        return torch.tensor([self._samples[index].target for index, _ in self.whole(number)])


def _times(count: int, what: str, more: str = "s") -> str:
    return f"{count} {what}{more if count != 1 else ''}"
