"""The whole way from frames to answers as one PyTorch module: what ONNX and PyTorch files hold.

Preprocessing, network, temperature, "none of these" and the test for movement are inside, so that
whoever uses the file cannot get them wrong. The answers are those of `Recognizer`.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from action_recognition.exports.resampling import squared
from action_recognition.models.backbone import frame_by_frame, video_by_video
from action_recognition.models.graph_export import tensors, through
from action_recognition.models.hybridnet import State
from action_recognition.models.model_file import Model
from action_recognition.models.open_set import OpenSetRule
from action_recognition.models.stored_network import restored
from action_recognition.recognition.motion import LEAST_SHARE, LEVELS, SQUARE


class Answers(NamedTuple):
    """What both forms give, for each video or for each moment.

    Parameters:
        probabilities: (..., classes) float32, calibrated; they sum to 1.
        known_probability: (...) float32 in 0..1: that it is one of the classes at all.
        logits: (..., classes + background) float32.
    """

    probabilities: Tensor
    known_probability: Tensor
    logits: Tensor


class Clip(nn.Module):
    """Frames of a video in, its answer out.

    `forward` takes frames (B, T, H, W, 3) uint8 RGB, `interval_s` apart, T at least 1; the answers
    are (B, ...).
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.network = copy.deepcopy(restored(model.network))  # exporters change it
        self._size, self._aspect = model.preprocessing.size, model.preprocessing.max_aspect
        self._answers = _Answering(model.temperature, model.open_set, len(model.classes))

    def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
        """See the class; the fields of `Answers`."""
        batch, times = frames.shape[:2]
        pictures = squared(frame_by_frame(frames), self._size, self._aspect)
        state = self._start(pictures, batch)
        output, _ = through(self.network, pictures, (times, batch), state)
        likeness = self.network.likeness(output.features)
        full = self.network.architecture.window - 1  # the first frame with a whole window
        at = torch.arange(times, device=frames.device)
        counted = (at >= torch.full_like(at, full).minimum(at[-1:])).float()[:, None]
        logits, alike = ((x * counted).sum(1) / counted.sum() for x in (output.logits, likeness))
        means = video_by_video(_square_means(pictures), (times, batch))  # (B, T, squares)
        changed = _changed(torch.cat([means[:, :1], means], 1))  # (B, T), of the first frame 0
        steps = torch.full((), times - 1, dtype=torch.float32)
        still = (steps > 0) & (changed.sum(1) / steps.clamp(min=1) < LEAST_SHARE)
        return tuple(self._answers(logits, alike, still))

    def _start(self, pictures: Tensor, batch: int) -> State:
        like = pictures[:batch].permute(0, 3, 1, 2)[:, None]  # (B, 1, 3, size, size)
        return self.network.start(like)


class Stream(nn.Module):
    """Frames and a state in, an answer for each frame and the next state out.

    `forward` takes frames (B, T, H, W, 3) uint8 RGB, `interval_s` apart, T at least 1, and the
    state: the network's, see `graph_names.state_names`, and `last_means` and `moved`, see
    `motion_state`. All of them are zeros before the first frame.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.network = copy.deepcopy(restored(model.network))  # exporters change it
        self._size, self._aspect = model.preprocessing.size, model.preprocessing.max_aspect
        self._answers = _Answering(
            model.window_temperature or model.temperature,
            model.window_open_set or model.open_set,
            len(model.classes),
        )

    def forward(
        self,
        frames: Tensor,
        before: list[Tensor],
        recent: Tensor,
        seen: Tensor,
        lstm: list[Tensor],
        gru: list[Tensor],
        last_means: Tensor,
        moved: Tensor,
    ) -> tuple[Tensor, ...]:
        """See the class; the fields of `Answers`, then the next state."""
        batch, times = frames.shape[:2]
        pictures = squared(frame_by_frame(frames), self._size, self._aspect)
        state = State(tuple(before), recent, seen, tuple(lstm), tuple(gru))
        output, _ = through(self.network, pictures, (times, batch), state)
        likeness = self.network.likeness(output.features)
        means = video_by_video(_square_means(pictures), (times, batch))  # (B, T, squares)
        steps = seen + torch.arange(times, device=frames.device)  # (T,), from frame to frame so far
        changed = _changed(torch.cat([last_means[:, None], means], 1)) * (steps > 0)
        flags = torch.cat([moved, changed], 1)  # (B, window - 1 + T)
        most = moved.shape[1]
        summed = F.avg_pool1d(flags[:, None, 1:], most, 1)[:, 0] * most  # (B, T)
        share = summed / steps.clamp(min=1, max=most)
        still = (steps > 0) & (share < LEAST_SHARE)
        answers = self._answers(output.logits, likeness, still)
        return (*answers, *tensors(output.state), means[:, -1], flags[:, times:])

    def motion_state(self, batch: int) -> tuple[Tensor, Tensor]:
        """The zeros before the first frame.

        Returns:
            `last_means` (B, squares), the means of the last frame's squares, and `moved`
            (B, window - 1), whether anything moved at the last steps, 0 or 1.
        """
        side = max(1, self._size // SQUARE)
        most = max(1, self.network.architecture.window - 1)
        return torch.zeros(batch, side * side), torch.zeros(batch, most)


class _Answering(nn.Module):
    """From logits to probabilities, as in `Recognizer` and `OpenSetRule`."""

    def __init__(self, temperature: float, rule: OpenSetRule | None, known: int) -> None:
        super().__init__()
        self._temperature, self._rule, self._known = temperature, rule, known

    def forward(self, logits: Tensor, likeness: Tensor, still: Tensor) -> Answers:
        scaled, known, rule = logits / self._temperature, self._known, self._rule
        probabilities = scaled[..., :known].softmax(-1)
        if rule is None:
            return Answers(probabilities, torch.ones_like(scaled[..., 0]), logits)
        energy = scaled[..., :known].logsumexp(-1)
        score = rule.energy * energy
        if scaled.shape[-1] > known:
            score = score + rule.odds * (energy - scaled[..., known:].logsumexp(-1))
        if likeness.shape[-1]:
            alike = (scaled[..., :known] + likeness[..., :known]).logsumexp(-1)
            score = score + rule.likeness * (alike - energy)
        if rule.usual:
            score = score - probabilities @ torch.tensor(rule.usual)
        certain = (rule.slope * (score - rule.threshold)).sigmoid()
        return Answers(probabilities, certain * ~still, logits)


def _square_means(pictures: Tensor) -> Tensor:
    """(N, size, size, 3) -> (N, squares), see `recognition.motion`.

    Sums of whole numbers, exact in any order: as products with ones they cost least.
    """
    size = pictures.shape[1]
    count, side = max(1, size // SQUARE), min(SQUARE, size)
    of_square = torch.arange(size) // side == torch.arange(count)[:, None]
    rows = of_square.float()  # (count, size)
    columns = rows.T.repeat_interleave(3, 0)  # (size * 3, count)
    return (rows @ pictures.flatten(2) @ columns).flatten(1) / (side * side * 3.0)


def _changed(means: Tensor) -> Tensor:
    """(B, T, squares) -> (B, T - 1): 1 where something moved since the frame before, else 0."""
    change = means[:, 1:] - means[:, :-1]
    ordered, squares = change.sort(-1).values, means.shape[-1]
    median = (ordered[..., (squares - 1) // 2] + ordered[..., squares // 2]) / 2
    return ((change - median[..., None]).abs().amax(-1) > LEVELS).float()
