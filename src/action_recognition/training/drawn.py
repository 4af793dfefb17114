"""Random clips that are drawn once, and are the same whoever draws them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from action_recognition.clips import Preprocessing
from action_recognition.datasets.framecache import FrameCache
from action_recognition.datasets.manifest import Clip
from action_recognition.training.augmentation import Augmentation, random_clip


@dataclass(frozen=True)
class DrawnClips(Dataset[Tensor]):
    """The random clips of each video: (versions, T, H, W, 3) uint8.

    Parameters:
        versions: random clips of each video.
        seed: the same one gives the same clips.
    """

    clips: Sequence[Clip]
    cache: FrameCache
    augmentation: Augmentation
    versions: int
    seed: int

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> Tensor:
        clip = self.clips[index]
        frames = self.cache.frames(clip)
        step_s, preprocessing = self.cache.step_s, self.cache.preprocessing
        name = hashlib.sha256(clip.path.name.encode(errors="surrogateescape")).digest()
        with torch.random.fork_rng(devices=[]):
            # By its name, so that a video has the same clips in whatever company it comes.
            torch.manual_seed((self.seed << 32) + int.from_bytes(name[:4], "big"))
            drawn = [
                random_clip(frames, step_s, preprocessing, self.augmentation)
                for _ in range(self.versions)
            ]
        return torch.from_numpy(np.stack(drawn))

    def as_read_by(self, preprocessing: Preprocessing) -> DrawnClips:
        """The same stretches, crops and colours for a network that reads clips in another way."""
        if preprocessing == self.cache.preprocessing:
            return self
        return replace(self, cache=FrameCache(self.cache.folder, preprocessing))
