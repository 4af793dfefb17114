"""What teachers say of clips that are drawn once, asked once and kept.

A teacher may read larger or more frames than the student: it is shown the same stretch of the
video, cropped and coloured alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from action_recognition.datasets.framecache import load_array, save_array
from action_recognition.inference import Inference, TorchParts
from action_recognition.modelfile import Model
from action_recognition.training.distillation import Teachers
from action_recognition.training.drawn import DrawnClips


def recorded_answers(
    teachers: Teachers,
    drawn: DrawnClips,
    on_progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Their mean probabilities (videos, versions, wanted classes) float32 for each drawn clip.

    Logits of each teacher are kept in the cache's folder, a file for each video.

    Parameters:
        on_progress: called with (videos done, videos in all) for all teachers together.
    """
    total = torch.zeros(len(drawn), drawn.versions, teachers.wanted)
    for nth, (model, order) in enumerate(zip(teachers.models, teachers.order, strict=True)):
        seen = drawn.as_read_by(model.preprocessing)
        settings = (
            f"answers {_digest(model)} {model.preprocessing} {seen.cache.step_s} "
            f"{seen.cache.size} {drawn.augmentation} {drawn.versions} {drawn.seed}"
        )
        inference = Inference(
            TorchParts(model.network),
            model.preprocessing,
            streams=model.network.architecture.streams,
        )
        for k, clip in enumerate(drawn.clips):
            file = seen.cache.path(clip.path, settings)
            logits = load_array(file)
            if logits is None:
                logits = inference.clips(seen[k].numpy())[0]
                save_array(logits, file)
            total[k] += torch.from_numpy(np.array(logits))[:, order].softmax(1)
            if on_progress is not None:
                on_progress(nth * len(drawn) + k + 1, len(teachers.models) * len(drawn))
    return total / len(teachers.models)


def _digest(model: Model) -> str:
    sha = hashlib.sha256(repr(model.classes).encode())
    for name, values in model.network.state_dict().items():
        sha.update(name.encode() + values.cpu().numpy().tobytes())
    return sha.hexdigest()
