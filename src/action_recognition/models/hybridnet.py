"""HybridNet: a causal 3D CNN, then LSTM, then GRU over time, then a dense layer.

`forward` is the only way through the network. It takes any number of frames and the state left by
the frames before them; it returns an answer for each frame, and the next state. The network itself
remembers nothing, so two films never mix. A film fed in pieces of any length gives the same answers
as the whole film at once.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from action_recognition.models.architecture import Architecture
from action_recognition.models.backbone import Backbone


class State(NamedTuple):
    """What the network needs to continue with the next frame.

    Parameters:
        trunk: the last inputs of each temporal convolution, see `Backbone.start`.
        recent: (B, window - 1, features), vectors of the last frames; zeros before the first.
        seen: () int64, number of frames so far.
        lstm, gru: (1, B, units) each: hidden and cell state of the LSTM, hidden state of the GRU.
    """

    trunk: tuple[Tensor, ...]
    recent: Tensor
    seen: Tensor
    lstm: tuple[Tensor, ...]
    gru: tuple[Tensor, ...]


class Output(NamedTuple):
    """The output of the network at each frame.

    Parameters:
        logits: (B, T, classes) float32, for the frame and the `window` - 1 frames before it.
        features: (B, T, hidden) float32, the input of the dense layer for the same frames.
        state: the state to continue with.
    """

    logits: Tensor
    features: Tensor
    state: State


class HybridNet(nn.Module):
    """The network. Its layers are listed in the order in which data passes through them.

    Parameters:
        architecture: its settings; stored as the attribute of the same name.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        self.trunk = Backbone(a.stem, a.layers, a.features)
        self.lstm = nn.LSTM(a.features, a.lstm, batch_first=True) if a.lstm else None
        width = a.lstm or a.features
        self.gru = nn.GRU(width, a.gru, batch_first=True) if a.gru else None
        self.hidden = nn.Linear(a.features, a.hidden)
        self.dense = nn.Linear(a.hidden, a.classes)
        recurrent = a.gru or a.lstm
        self.recurrent_dense = nn.Linear(recurrent, a.classes, bias=False) if recurrent else None
        if self.recurrent_dense is not None and not self.dense.weight.is_meta:
            nn.init.zeros_(self.recurrent_dense.weight)  # until it is trained, it says nothing
        self.pretrained = nn.Linear(a.hidden, a.pretrained) if a.pretrained else None
        if a.pretrained:  # square root of each class's mean of their probabilities
            self.register_buffer("typical", torch.zeros(a.classes, a.pretrained))

    def start(self, frames: Tensor) -> State:
        """The state before the first of the frames (B, T, 3, H, W)."""
        return self.start_answer(frames)._replace(trunk=self.trunk.start(frames))

    def start_answer(self, like: Tensor) -> State:
        """The initial state of the layers after the trunk, with the batch and dtype of `like`."""
        a, batch = self.architecture, like.shape[0]
        zeros = like.new_zeros
        return State(
            trunk=(),
            recent=zeros(batch, a.window - 1, a.features),
            seen=torch.zeros((), dtype=torch.int64, device=like.device),
            lstm=(zeros(1, batch, a.lstm), zeros(1, batch, a.lstm)) if a.lstm else (),
            gru=(zeros(1, batch, a.gru),) if a.gru else (),
        )

    def forward(self, frames: Tensor, state: State | None = None) -> Output:
        """Takes frames (B, T, 3, H, W), float RGB in 0..1, and the state before the first."""
        state = self.start(frames) if state is None else state
        maps, trunk = self.trunk(frames, state.trunk)  # (B, T, features, h, w)
        return self.answer(maps.mean((3, 4)), state._replace(trunk=trunk))

    def answer(self, vectors: Tensor, state: State) -> Output:
        """Runs the layers after the trunk: one vector per frame (B, T, features) -> the output."""
        a, times = self.architecture, vectors.shape[1]
        recent = torch.cat([state.recent, vectors], 1)  # (B, window - 1 + T, features)
        seen = state.seen + torch.arange(1, times + 1, device=vectors.device)
        hidden = self._hidden(recent, seen)  # (B, T, hidden)
        logits = self.dense(hidden)  # (B, T, classes)
        x, lstm, gru = vectors, state.lstm, state.gru
        if self.lstm is not None:
            x, lstm = self.lstm(x, lstm)  # (B, T, lstm)
        if self.gru is not None:
            x, memory = self.gru(x, gru[0])  # (B, T, gru)
            gru = (memory,)
        if self.recurrent_dense is not None:
            # They know of more than the window once there is more, and are silent before: on clips
            # of a few seconds they would only cost accuracy.
            past = (seen - a.window).clamp(0, a.window) / a.window  # (T,), in 0..1
            logits = logits + past[:, None] * self.recurrent_dense(x)
        kept = recent[:, times:]
        return Output(logits, hidden, State(state.trunk, kept, state.seen + times, lstm, gru))

    def _hidden(self, recent: Tensor, seen: Tensor) -> Tensor:
        window = self.architecture.window
        sums = F.avg_pool1d(recent.transpose(1, 2), window, 1).transpose(1, 2) * window
        mean = sums / seen.clamp(max=window)[:, None]  # (B, T, features)
        return F.relu6(self.hidden(mean))

    def window_logits(self, vectors: Tensor) -> Tensor:
        """The logits (B, T, classes) of a beginning (B, T, features), without LSTM and GRU."""
        recent = F.pad(vectors, (0, 0, self.architecture.window - 1, 0))
        seen = torch.arange(1, vectors.shape[1] + 1, device=vectors.device)
        return self.dense(self._hidden(recent, seen))

    def likeness(self, features: Tensor) -> Tensor:
        """How similar frames are to each class's training clips, as the pretrained network sees it.

        The pretrained network's probabilities p are compared with their mean q over a class's
        training clips: ln sum(sqrt(p q)), the logarithm of the Bhattacharyya coefficient. A
        network that knows sixteen actions mistakes a lipstick for a toothbrush; one that knows
        six hundred does not.

        Parameters:
            features: (..., hidden), as in `Output`.

        Returns:
            (..., classes), at most 0; (..., 0) where no pretrained answers are kept.
        """
        if self.pretrained is None:
            return features[..., :0]
        roots = self.pretrained(features).softmax(-1).sqrt()
        return (roots @ self.typical.T).clamp(1e-6, 1.0).log()
