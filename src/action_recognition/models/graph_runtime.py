"""Runs a model's portable graph on the CPU, with ONNX Runtime: no PyTorch is needed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.models.architecture import Architecture
from action_recognition.models.graph_names import (
    FRAMES,
    HEAT_INPUTS,
    HEAT_OUTPUT,
    OUTPUTS,
    STATE_OUTPUT,
    Graphs,
    state_names,
)  # fmt: skip
from action_recognition.models.graph_session import GraphSession
from action_recognition.models.runtime import FRAMES_AT_ONCE, Answer, Runtime, check_frames

State = dict[str, NDArray[Any]]


class GraphRuntime(Runtime):
    """The graphs of a network with its weights.

    Parameters:
        graphs: the network's, and that behind its heat maps, which is opened when it is needed.
        weights: by their names in the network.
        architecture: of the network.

    Raises:
        ModelFileError: a graph cannot be read, or does not fit the weights or the architecture.
    """

    def __init__(
        self, graphs: Graphs, weights: Mapping[str, NDArray[Any]], architecture: Architecture
    ) -> None:
        super().__init__(architecture)
        self._graphs, self._weights = graphs, weights
        self._state_names = state_names(architecture)
        self._network = GraphSession(
            graphs.network, weights, (FRAMES, *self._state_names),
            (*OUTPUTS, *(STATE_OUTPUT + name for name in self._state_names)),
        )  # fmt: skip

    def step(self, frames: NDArray[np.uint8], state: State | None) -> Answer:
        """See `Runtime.step`."""
        logits, likeness, features, _, *after = self._step(frames, state)
        return Answer(logits, likeness, features, dict(zip(self._state_names, after, strict=True)))

    def evidence(
        self,
        clip: NDArray[np.uint8],
        target: NDArray[np.float32],
        others: NDArray[np.float32],
        counted: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """See `Runtime.evidence`."""
        check_frames(clip[None])
        maps, state = [], None
        for start in range(0, len(clip), FRAMES_AT_ONCE):
            found = self._step(clip[None, start : start + FRAMES_AT_ONCE], state)
            maps.append(found[OUTPUTS.index("maps")])
            state = dict(zip(self._state_names, found[len(OUTPUTS) :], strict=True))
        given = (np.concatenate(maps, 1), target, others, counted)
        (heat,) = self._heat.run(dict(zip(HEAT_INPUTS, given, strict=True)))
        return heat

    def _step(self, frames: NDArray[np.uint8], state: State | None) -> list[NDArray[Any]]:
        given = self._network.zeros(self._state_names, len(frames)) if state is None else state
        return self._network.run({FRAMES: np.ascontiguousarray(frames), **given})

    @cached_property
    def _heat(self) -> GraphSession:
        return GraphSession(self._graphs.heat, self._weights, HEAT_INPUTS, (HEAT_OUTPUT,))
