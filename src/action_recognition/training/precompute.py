"""What the frozen first layers make of the clips, computed once.

Frozen layers give the same for the same clip at every epoch, and they see the largest pictures:
on a CPU they take most of a training step. So a few random clips of each video are drawn once,
and an epoch takes one of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from action_recognition.clips import to_input
from action_recognition.datasets.framecache import FrameCache, load_array, save_array
from action_recognition.datasets.manifest import Clip
from action_recognition.errors import DataError
from action_recognition.model import HybridNet
from action_recognition.training.augmentation import Augmentation
from action_recognition.training.distillation import Teachers
from action_recognition.training.drawn import DrawnClips
from action_recognition.training.recorded import recorded_answers


class RandomMaps(Dataset[tuple[Tensor, ...]]):
    """Maps (S, T, C, h, w) bfloat16 of one of the random clips of each video, and its target.

    With teachers also their answer (wanted classes,) to that clip; 0 for background classes.

    Those of a video lie in one file of the cache's folder, read by memory mapping: a training
    that was interrupted, or another one with the same frozen weights, finds them there.

    Parameters:
        network: its `early` part is what is computed; it stays as it is from now on.
        versions: random clips of each video.
        seed: of the random clips; the same one gives the same clips. It is not that of the
            training: runs of several seeds take the same clips, in another order.
        teachers: asked once about each clip of a class that they know.
        on_progress: called with (videos done, videos in all).
    """

    def __init__(
        self,
        network: HybridNet,
        clips: Sequence[Clip],
        target: dict[str, int],
        cache: FrameCache,
        augmentation: Augmentation,
        *,
        versions: int,
        workers: int,
        seed: int = 0,
        teachers: Teachers | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.targets = [target[c.label] for c in clips]
        self.versions = versions
        settings = (
            f"{_digest(network)} {cache.preprocessing} {cache.step_s} {cache.size} "
            f"{augmentation} {versions} {seed}"
        )
        self.files = [cache.path(c.path, f"maps {settings}") for c in clips]
        missing = [k for k, file in enumerate(self.files) if load_array(file) is None]
        drawn = DrawnClips([clips[k] for k in missing], cache, augmentation, versions, seed)
        loader = DataLoader(drawn, batch_size=None, num_workers=workers if missing else 0)
        for done, (k, frames) in enumerate(zip(missing, loader, strict=True), 1):
            _save_maps(early_maps(network, frames, cache), self.files[k])
            if on_progress is not None:
                on_progress(done, len(missing))
        self.answers: Tensor | None = None
        if teachers is not None:
            wanted = [k for k, place in enumerate(self.targets) if place < teachers.wanted]
            drawn = DrawnClips([clips[k] for k in wanted], cache, augmentation, versions, seed)
            self.answers = torch.zeros(len(clips), versions, teachers.wanted)
            self.answers[wanted] = recorded_answers(teachers, drawn, on_progress)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        version = int(torch.randint(self.versions, ()))
        maps, place = _read_maps(self.files[index], version), torch.tensor(self.targets[index])
        if self.answers is None:
            return maps, place
        return maps, place, self.answers[index, version]

    def all_versions(self) -> Iterator[Tensor]:
        """The maps (versions, S, T, C, h, w) of each video, in turn."""
        for file in self.files:
            yield _read_maps(file)


class VideoMaps(Dataset[tuple[Tensor, int]]):
    """Maps (n, S, T, C, h, w) of the clips of each validation video, and its target.

    They, too, are kept in the cache's folder.
    """

    def __init__(
        self,
        network: HybridNet,
        clips: Sequence[Clip],
        target: dict[str, int],
        cache: FrameCache,
        *,
        count: int,
    ) -> None:
        self.targets = [target[c.label] for c in clips]
        settings = f"maps {_digest(network)} {cache.preprocessing} evaluation {count}"
        self.files = [cache.path(c.path, settings) for c in clips]
        for clip, file in zip(clips, self.files, strict=True):
            if load_array(file) is None:
                frames = np.array(cache.evaluation_clips(clip, count=count))
                _save_maps(early_maps(network, frames, cache), file)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return _read_maps(self.files[index]), self.targets[index]


def early_maps(network: HybridNet, frames: Any, cache: FrameCache, *, batch: int = 2) -> Tensor:
    """Clips (n, T, H, W, 3) uint8 -> (n, S, T, C, h, w) bfloat16 on the CPU."""
    device = network.dense.weight.device
    training = network.training
    network.eval()
    maps = []
    with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16):
        for part in torch.as_tensor(frames).split(batch):
            x = to_input(part.to(device), cache.preprocessing)
            maps.append(network.early(x).bfloat16().cpu())
    network.train(training)
    return torch.cat(maps)


def late_logits(network: HybridNet, maps: Tensor) -> Tensor:
    """Logits (n, classes) for maps (n, S, T, C, h, w) as `early_maps` gives them."""
    if not torch.is_autocast_enabled(maps.device.type):
        maps = maps.float()
    return network.answer(maps)[0]


def _digest(network: HybridNet) -> str:
    """Of all that `early` depends on."""
    sha = hashlib.sha256(f"{network.architecture.streams}".encode())
    for name, values in early_state(network).items():
        sha.update(name.encode() + values.cpu().numpy().tobytes())
    return sha.hexdigest()


def early_state(network: HybridNet) -> dict[str, Tensor]:
    """Weights and statistics of the layers that `early` runs."""
    early = ("stem.", *(f"blocks.{k}." for k in range(network.shared)))
    return {k: w for k, w in network.state_dict().items() if k.startswith(early)}


def _save_maps(maps: Tensor, file: Path) -> None:
    """NumPy lacks bfloat16: its bits are kept as int16."""
    save_array(maps.contiguous().view(torch.int16).numpy(), file)


def _read_maps(file: Path, row: int | None = None) -> Tensor:
    bits = load_array(file)
    if bits is None:
        raise DataError(f"{file}: it has gone since the training began")
    return torch.from_numpy(np.array(bits if row is None else bits[row])).view(torch.bfloat16)
