"""Other starts of the trunk than ImageNet weights as they are: pre-trained and distilled."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader

from action_recognition.clips import Preprocessing, to_input
from action_recognition.datasets.framecache import FrameCache
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.initialisation import load_imagenet
from action_recognition.models.hybridnet import MOBILENET_V2_STAGES, Architecture, HybridNet
from action_recognition.models.model_file import Model, save_model
from action_recognition.training.augmentation import Augmentation
from action_recognition.training.data import RandomClips
from action_recognition.training.fit import fit
from action_recognition.training.settings import TrainingSettings

# Half the channels of MobileNetV2, frames only, no convolution over time.
HALF_WIDTH = {
    "stem": 16,
    "stages": tuple((e, c // 2, n, s) for e, c, n, s in MOBILENET_V2_STAGES),
    "difference": False,
    "conv3d": False,
}
DISTILLATION_EPOCHS = 10


def pretrain(
    other: Manifest, init: str, cache: FrameCache, settings: TrainingSettings, path: Path
) -> None:
    """Trains the whole network on other classes, from ImageNet weights; writes a model file."""
    with tempfile.TemporaryDirectory() as folder:
        model = fit(
            other,
            folder,
            architecture=Architecture(classes=len(other.labels)),
            preprocessing=cache.preprocessing,
            settings=settings,
            cache=cache,
            init=init,
            device="cpu",
            progress=False,
        )
    save_model(model, path)


def distil(clips: Sequence[Clip], init: str, cache: FrameCache, path: Path, *, seed: int) -> None:
    """Teaches a half-width trunk the frame features of the ImageNet network; no labels are used.

    Loss: 1 - cosine of the features of each frame, the teacher's mean taken off (features after
    ReLU are all alike before). Both see the same clip, the student smaller. Writes a model file.

    Parameters:
        cache: for the student's preprocessing.
    """
    torch.manual_seed(seed)
    teacher = HybridNet(Architecture(classes=2, difference=False, conv3d=False)).eval()
    load_imagenet(teacher, init)
    student = HybridNet(Architecture(classes=2, **HALF_WIDTH)).train()
    small, large = cache.preprocessing, Preprocessing(size=160)
    frames_of = FrameCache(cache.folder, large)
    data = RandomClips(clips, {c.label: 0 for c in clips}, frames_of, Augmentation())
    loader = DataLoader(data, 16, shuffle=True, drop_last=True, num_workers=1)
    optimizer = torch.optim.AdamW(student.parameters(), 2e-3, weight_decay=0.02)
    total = DISTILLATION_EPOCHS * len(loader)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * step / total))
    )
    centre: Tensor | None = None
    for epoch in range(DISTILLATION_EPOCHS):
        losses = []
        for frames, _ in loader:
            x = to_input(frames, large)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                with torch.inference_mode():
                    wanted = teacher.frame_features(x).float()
                y = F.interpolate(x, size=(small.frames, small.size, small.size), mode="area")
                found = student.frame_features(y).float()
            wanted = wanted.clone()
            mean = wanted.mean((0, 1))
            centre = mean if centre is None else centre.lerp(mean, 0.05)
            loss = (1 - F.cosine_similarity(found - centre, wanted - centre, dim=2)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        print(f"distillation, epoch {epoch + 1}: loss {sum(losses) / len(losses):.3f}", flush=True)
    save_model(Model(student.eval(), ("a", "b"), small), path)
