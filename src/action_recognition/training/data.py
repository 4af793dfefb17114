"""Training clips drawn at random, and validation videos as the Recognizer sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from action_recognition.datasets.framecache import FrameCache
from action_recognition.datasets.manifest import Clip
from action_recognition.models.hybridnet import HybridNet
from action_recognition.training.augmentation import Augmentation, random_clip
from action_recognition.training.distillation import Teachers
from action_recognition.training.precompute import RandomMaps, VideoMaps
from action_recognition.training.settings import TrainingSettings

VALIDATION_CLIPS = 3  # clips of a video that validation averages; more cost time at each epoch


class ClipData(L.LightningDataModule):
    """Training clips drawn at random, validation videos as the Recognizer sees them.

    Parameters:
        frozen: a network whose `early` part stays as it is: what it makes of the clips is computed
            here, once, and given in their place.
        teachers: asked about the clips where they are drawn once.
        on_frozen: called with (videos done, videos in all) meanwhile.
    """

    def __init__(
        self,
        train: Sequence[Clip],
        val: Sequence[Clip],
        classes: Sequence[str],
        cache: FrameCache,
        settings: TrainingSettings,
        *,
        device: str,
        frozen: HybridNet | None = None,
        teachers: Teachers | None = None,
        on_frozen: Callable[[int, int], None] | None = None,
    ) -> None:
        super().__init__()
        target = {label: k for k, label in enumerate(classes)}
        self.train: Dataset[tuple[Tensor, int]] | RandomMaps
        self.val: Dataset[tuple[Any, int]]
        if frozen is None:
            self.train = RandomClips(train, target, cache, settings.augmentation)
            self.val = VideosOfClips(val, target, cache)
        else:
            self.train = RandomMaps(
                frozen, train, target, cache, settings.augmentation,
                versions=settings.versions, workers=settings.workers, teachers=teachers,
                on_progress=on_frozen,
            )  # fmt: skip
            self.val = VideoMaps(frozen, val, target, cache, count=VALIDATION_CLIPS)
        self.precomputed = frozen is not None
        self.count = len(train)
        self.settings = settings
        self.pin = device != "cpu" and torch.cuda.is_available()

    def train_dataloader(self) -> DataLoader[Any]:
        """Shuffled batches; the last, smaller one is left out where there are others."""
        s = self.settings
        return DataLoader(
            self.train,
            s.batch,
            shuffle=True,
            drop_last=self.count > s.batch,
            num_workers=0 if self.precomputed else s.workers,
            persistent_workers=s.workers > 0 and not self.precomputed,
            pin_memory=self.pin,
        )

    def val_dataloader(self) -> DataLoader[Any]:
        """One video at a time."""
        return DataLoader(self.val, batch_size=None)


class RandomClips(Dataset[tuple[Tensor, int]]):
    """One random clip of each training video an epoch."""

    def __init__(
        self,
        clips: Sequence[Clip],
        target: dict[str, int],
        cache: FrameCache,
        augmentation: Augmentation,
    ) -> None:
        self.clips, self.target = clips, target
        self.cache, self.augmentation = cache, augmentation

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        clip = self.clips[index]
        frames = random_clip(
            self.cache.frames(clip), self.cache.step_s, self.cache.preprocessing, self.augmentation
        )
        return torch.from_numpy(frames), self.target[clip.label]


class VideosOfClips(Dataset[tuple[Any, int]]):
    """The clips of each validation video, read as for recognition."""

    def __init__(self, clips: Sequence[Clip], target: dict[str, int], cache: FrameCache) -> None:
        self.clips, self.target, self.cache = clips, target, cache

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        clip = self.clips[index]
        frames = self.cache.evaluation_clips(clip, count=VALIDATION_CLIPS)
        return np.array(frames), self.target[clip.label]
