"""Random clips of the training videos, drawn anew in every epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from action_recognition.clips import Preprocessing
from action_recognition.models.torch_runtime import TorchRuntime
from action_recognition.training.augmentation import random_clip
from action_recognition.training.footage import Sample, moved_picture, read_sample
from action_recognition.training.processes import ALONE, Processes
from action_recognition.training.settings import TrainingSettings
from action_recognition.video.part import FilePart

Place = tuple[int, int]  # (sample, epoch)
_LANES = 8  # shards that are read at a time; the number of processes should divide it
_STILLED = 0.15  # share of the clips of a stilled sample that are a single frame, moved


class RandomClips(Dataset[tuple[Tensor, int, int]]):
    """(sample, epoch) -> frames (T, size, size, 3) uint8, their number, the target.

    A clip shorter than `settings.frames` is padded with black frames. What is drawn depends only on
    the seed, the sample and the epoch.

    Raises:
        VideoError: a file cannot be read.
    """

    def __init__(
        self, samples: Sequence[Sample], preprocessing: Preprocessing, settings: TrainingSettings
    ) -> None:
        self.samples, self.preprocessing, self.settings = samples, preprocessing, settings

    def __getitem__(self, place: Place) -> tuple[Tensor, int, int]:
        index, epoch = place
        sample, p, s = self.samples[index], self.preprocessing, self.settings
        torch.manual_seed((s.seed * 1000 + epoch) * 1_000_003 + index)
        if sample.made is not None:
            sample = replace(sample, made=sample.made + epoch)
        frames, step_s = read_sample(sample, p)
        if sample.stilled and torch.rand(()) < _STILLED:
            still = frames[int(torch.randint(len(frames), ()))]
            frames = moved_picture(still, 4 * s.frames, frames.shape[1])
        drawn = random_clip(frames, step_s, p, s.augmentation, length=s.frames)
        clip = torch.zeros((s.frames, p.size, p.size, 3), dtype=torch.uint8)
        clip[: len(drawn)] = torch.from_numpy(drawn)
        return clip, len(drawn), sample.target

    def __len__(self) -> int:
        return len(self.samples)


class ClipOrder(Sampler[Place]):
    """The clips of an epoch in random order.

    It has one clip of each video of a known class, and one of some of the other samples: pictures,
    background videos and made videos. The order depends only on the seed and the epoch, so that a
    resumed run continues as it would have.

    Clips in shards come in eight lanes, which take turns: each lane has a run of the shards in
    random order, and takes all clips of one in random order before it goes on to the next. So few
    shards are read at a time, each once, and processes that share out each batch in turn have
    shards of their own. Other samples are dealt out among them.

    Parameters:
        known: number of known classes, which come first.
    """

    def __init__(self, samples: Sequence[Sample], known: int, settings: TrainingSettings) -> None:
        first = np.array([s.target < known and not s.is_picture for s in samples], bool)
        self._always, self._others = np.flatnonzero(first), np.flatnonzero(~first)
        self._taken = math.ceil(settings.others * len(self._others))
        self._seed, self.epoch = settings.seed, 0
        paths = [s.path.path if isinstance(s.path, FilePart) else None for s in samples]
        numbers = {path: k for k, path in enumerate(dict.fromkeys(filter(None, paths)))}
        self._shards = len(numbers)
        self._shard_of = np.array([-1 if path is None else numbers[path] for path in paths], int)

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch; Lightning calls this before each one."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._always) + self._taken

    def __iter__(self) -> Iterator[Place]:
        random = np.random.default_rng((self._seed, self.epoch))
        others = random.permutation(self._others)[: self._taken]
        order = random.permutation(np.concatenate([self._always, others]))
        if self._shards:
            order = self._in_lanes(order, random)
        return iter([(index, self.epoch) for index in order.tolist()])

    def _in_lanes(self, order: NDArray[np.intp], random: np.random.Generator) -> NDArray[np.intp]:
        shard = self._shard_of[order]
        loose = shard < 0
        shard[loose] = random.integers(self._shards, size=int(loose.sum()))
        order = order[np.argsort(random.permutation(self._shards)[shard], kind="stable")]
        lanes = np.array_split(order, _LANES)
        turns = [np.arange(len(lane)) * _LANES + k for k, lane in enumerate(lanes)]
        taken = np.empty_like(order)
        taken[np.concatenate(turns)] = order
        return taken


def draw_features(
    runtime: TorchRuntime,
    clips: RandomClips,
    views: int,
    on_progress: Callable[[int, int], None] | None = None,
    processes: Processes = ALONE,
) -> tuple[NDArray[np.float32], list[int]]:
    """The features of `views` clips of each sample, at the last frame of each clip.

    Parameters:
        processes: that share the clips out among themselves.

    Returns:
        features (N, hidden) and targets (N,); N is 0 for all processes but the writer.
    """
    places = [(index, view) for view in range(views) for index in range(len(clips))]
    mine: list[tuple[NDArray[np.float32], int]] = []
    report = processes.progress(len(places), on_progress)
    part, workers = processes.part(places), clips.settings.workers
    for frames, count, target in DataLoader(clips, None, sampler=part, num_workers=workers):
        answer = runtime.run(frames[None, :count].numpy())
        mine.append((answer.features[0, -1], target))
        report(len(mine))
    found = processes.to_writer(mine)
    features = np.zeros((len(found), runtime.architecture.hidden), np.float32)
    for row, (values, _) in zip(features, found, strict=True):
        row[:] = values
    return features, [target for _, target in found]
