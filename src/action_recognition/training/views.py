"""Training clips drawn once, as the layers that do not learn give them.

On a CPU the first layers, whose pictures are large, take most of the time. They stay as they are,
so what they make of a clip is computed once and stored: an epoch then costs a fraction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from action_recognition.clips import Preprocessing
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.runtime import to_input
from action_recognition.training.augmentation import random_clip
from action_recognition.training.footage import Sample, moved_picture, read_sample
from action_recognition.training.settings import TrainingSettings


class Views:
    """Random clips of videos.

    Parameters:
        maps: (videos, views, T, C, h, w) float16, what the frozen layers give; None where no layer
            of the trunk is tuned. Of a clip that is shorter, the rest is of black frames.
        lengths: (videos, views) int64, frames of each clip.
        hidden: (videos, views, hidden) float16, hidden layer of the starting network at the last
            frame of each clip.
    """

    def __init__(
        self,
        maps: NDArray[np.float16] | _Joined | None,
        lengths: NDArray[np.int64],
        hidden: NDArray[np.float16],
    ) -> None:
        self.maps, self.lengths, self.hidden = maps, lengths, hidden

    def __len__(self) -> int:
        return len(self.lengths)

    def __add__(self, other: Views) -> Views:
        """Those of both, one after the other."""
        joined = self.maps is not None and other.maps is not None
        return Views(
            _Joined(self.maps, other.maps) if joined else None,
            np.concatenate([self.lengths, other.lengths]),
            np.concatenate([self.hidden, other.hidden]),
        )


class _Joined:
    """Two stored arrays as one, for who asks for single views."""

    def __init__(self, first: Any, second: Any) -> None:
        self._first, self._second = first, second

    def __getitem__(self, place: tuple[int, int]) -> NDArray[np.float16]:
        index, view = place
        beyond = index - len(self._first)
        found = self._first[index, view] if beyond < 0 else self._second[beyond, view]
        return np.asarray(found)


def frozen_layers(network: HybridNet, settings: TrainingSettings) -> int:
    """The number of first layers of the trunk that stay as they are."""
    return max(0, len(network.trunk.layers) - settings.tuned_layers)


def draw_views(
    network: HybridNet,
    samples: Sequence[Sample],
    preprocessing: Preprocessing,
    settings: TrainingSettings,
    folder: Path,
    *,
    device: torch.device,
    on_progress: Callable[[int, int], None] | None = None,
) -> Views:
    """Draws `settings.views` clips of each video; what is in `folder` already is not drawn again.

    Parameters:
        network: the starting network, in eval mode, on the device.
        samples: what to draw from.
        folder: where the views are kept.

    Raises:
        VideoError: a file cannot be read.
    """
    key = {
        "network": weights_digest(network),
        "samples": [[s.path.name, s.path.stat().st_size, s.made, s.stilled] for s in samples],
        "preprocessing": preprocessing.to_dict(),
        "settings": [
            settings.tuned_layers, settings.views, settings.frames, settings.seed,
            asdict(settings.augmentation),
        ],
    }  # fmt: skip
    record = folder / "views.json"
    if record.exists() and json.loads(record.read_text(encoding="utf-8")) == key:
        return _stored(folder)
    for old in (record, folder / "views.npy"):
        old.unlink(missing_ok=True)
    clips = RandomClips(samples, preprocessing, settings)
    loader = DataLoader(clips, batch_size=None, num_workers=settings.workers)
    shape = (len(samples), settings.views)
    lengths = np.zeros(shape, np.int64)
    hidden = np.zeros((*shape, network.architecture.hidden), np.float16)
    maps: np.memmap[Any, np.dtype[np.float16]] | None = None
    cut = frozen_layers(network, settings)
    with torch.inference_mode():
        for k, (frames, counts) in enumerate(loader):
            lengths[k] = counts.numpy()
            for view, count in enumerate(counts.tolist()):  # one by one: they stay in the cache
                found, last = _run(network, frames[view : view + 1].to(device), count, cut)
                hidden[k, view] = last.cpu().numpy()
                if settings.tuned_layers and maps is None:
                    maps = np.lib.format.open_memmap(
                        folder / "views.npy", "w+", np.float16, (*shape, *found.shape)
                    )
                if maps is not None:
                    maps[k, view] = found.cpu().numpy()
            if on_progress is not None:
                on_progress(k + 1, len(samples))
    np.savez(folder / "views.npz", lengths=lengths, hidden=hidden)
    if maps is not None:
        maps.flush()
    record.write_text(json.dumps(key), encoding="utf-8")
    return _stored(folder)


def _stored(folder: Path) -> Views:
    with np.load(folder / "views.npz", allow_pickle=False) as file:
        lengths, hidden = file["lengths"], file["hidden"]
    maps = folder / "views.npy"
    return Views(np.load(maps, mmap_mode="r") if maps.exists() else None, lengths, hidden)


def weights_digest(network: HybridNet) -> str:
    """Of the weights that a training starts from and its views depend on."""
    sha = hashlib.sha256()
    for name, values in network.state_dict().items():
        if name.startswith(("trunk.", "hidden.")):
            sha.update(name.encode() + values.cpu().numpy().tobytes())
    return sha.hexdigest()[:16]


def _run(network: HybridNet, frames: Tensor, count: int, cut: int) -> tuple[Tensor, Tensor]:
    """A clip (1, T, H, W, 3) uint8 -> (T, C, h, w) after layer `cut`, (hidden,) at its end."""
    x = to_input(frames)
    trunk = network.trunk
    maps = trunk(x, trunk.start(x), last=cut)[0] if cut else x
    late, _ = trunk(maps, trunk.start(maps, first=cut), first=cut)
    output = network.answer(late.mean((3, 4)), network.start_answer(maps))
    return maps[0], output.features[0, count - 1]


class RandomClips(Dataset[tuple[Tensor, Tensor]]):
    """The views of each video: frames (V, T, size, size, 3) uint8, and their lengths (V,)."""

    def __init__(
        self,
        samples: Sequence[Sample],
        preprocessing: Preprocessing,
        settings: TrainingSettings,
    ) -> None:
        self.samples, self.preprocessing, self.settings = samples, preprocessing, settings

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        p, s = self.preprocessing, self.settings
        torch.manual_seed(s.seed * 1_000_003 + index)  # the same clips, however many workers
        views = torch.zeros((s.views, s.frames, p.size, p.size, 3), dtype=torch.uint8)
        lengths = torch.zeros(s.views, dtype=torch.int64)
        for k, clip in enumerate(self._clips(index)):
            views[k, : len(clip)] = torch.from_numpy(clip)
            lengths[k] = len(clip)
        return views, lengths

    def _clips(self, index: int) -> Iterator[NDArray[np.uint8]]:
        sample, p, s = self.samples[index], self.preprocessing, self.settings
        frames, step_s = read_sample(sample, p)
        for k in range(s.views):
            if k and sample.is_picture:  # another way of the camera
                frames, step_s = read_sample(sample, p)
            source = frames
            if k == 0 and sample.stilled:
                still = frames[int(torch.randint(len(frames), ()))]
                source = moved_picture(still, 4 * s.frames, frames.shape[1])
            yield random_clip(source, step_s, p, s.augmentation, length=s.frames)


class ViewOrder(Sampler[tuple[int, int]]):
    """Each sample once an epoch, with one of its views, as (sample, view).

    Seed and epoch alone decide, so that a training which is resumed goes on as it would have.
    """

    def __init__(self, views: Views, seed: int) -> None:
        self.samples, self.views = views.lengths.shape
        self.seed, self.epoch = seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls it before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.samples

    def __iter__(self) -> Iterator[tuple[int, int]]:
        random = np.random.default_rng((self.seed, self.epoch))
        order = random.permutation(np.arange(self.samples)).tolist()
        chosen = random.integers(0, self.views, (self.samples,)).tolist()
        return iter(list(zip(order, chosen, strict=True)))


class ViewData(Dataset[tuple[Any, ...]]):
    """What (sample, view) stands for: maps, length, target, hidden layer before."""

    def __init__(self, views: Views, samples: Sequence[Sample]) -> None:
        self.views, self.samples = views, samples

    def __len__(self) -> int:
        return len(self.views)

    def __getitem__(self, index: tuple[int, int]) -> tuple[Any, ...]:
        v = self.views
        assert v.maps is not None
        return (
            torch.from_numpy(np.array(v.maps[index])),
            int(v.lengths[index]),
            self.samples[index[0]].target,
            torch.from_numpy(v.hidden[index]),
        )
