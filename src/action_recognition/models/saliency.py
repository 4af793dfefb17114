"""Explains answers with heat maps, one for each frame of a clip.

Each heat map shows how much every position of the frame added to the score of an action, see
`evidence.evidence`: activation times gradient, summed over channels, keeping only positive evidence
(HiResCAM, Draelos and Carin, 2020; Grad-CAM, Selvaraju et al., ICCV 2017, first averages the
gradient over the frame, so its maps can light up where the network did not look). It is taken
before the last layer that halves the resolution: there a frame of 172 pixels still has 11x11
positions and its own feature map, while the gradient carries back the effect on later frames.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import UsageError
from action_recognition.models.architecture import Architecture, same_padding
from action_recognition.models.runtime import Runtime

_NO_SAY = -1e4  # added to a logit: its class is out of the question


def heat_maps(
    runtime: Runtime, clip: NDArray[np.uint8], target: int, *, answers: int
) -> NDArray[np.float32]:
    """Computes heat maps that show where the network saw an action.

    Parameters:
        clip: (T, H, W, 3) uint8 RGB, consecutive frames.
        target: index of the action in the logits.
        answers: number of actions that can be the answer, whose logits come first; those of the
            background classes, after them, are ignored.

    Returns:
        (T, H, W) float32 in 0..1. The maximum of a clip is 1, so the frames of a clip can be
        compared with each other, but clips cannot. All 0 if there is no evidence for the action.
    """
    classes = runtime.architecture.classes
    if not 0 <= target < answers <= classes:
        raise UsageError(f"heat_maps: target={target}, must be a class of the network")
    first = min(len(clip), runtime.window) - 1
    counted = np.zeros(len(clip), np.float32)
    counted[first:] = 1 / (len(clip) - first)
    others = np.where(np.arange(classes) < answers, 0, _NO_SAY).astype(np.float32)
    heat = runtime.evidence(clip, np.eye(classes, dtype=np.float32)[target], others, counted)
    return _enlarged(heat, clip.shape[1:3], runtime.architecture)


def _enlarged(
    heat: NDArray[np.float32], sides: tuple[int, ...], architecture: Architecture
) -> NDArray[np.float32]:
    """(T, h, w) -> (T, height, width), bilinear between the middles of the places, at most 1."""
    for axis, size in enumerate(sides, 1):
        places = heat.shape[axis]
        at = np.interp(np.arange(size), centres(size, architecture), np.arange(places))
        low = np.floor(at).astype(np.intp)
        high = np.minimum(low + 1, places - 1)
        share = (at - low).astype(np.float32)
        share = share[:, None] if axis == 1 else share
        heat = heat.take(low, axis) * (1 - share) + heat.take(high, axis) * share
    most = float(heat.max())
    return heat / most if most > 0 else heat


def centres(size: int, architecture: Architecture) -> NDArray[np.float64]:
    """The pixels of a side of `size` at which the middles of the places of a heat map lie.

    They are not spread evenly from edge to edge: with TensorFlow's SAME padding, each layer that
    halves an even side looks half a place further to the right.
    """
    first, apart, places = 0.0, 1, size
    strided = [(3, 2), *((kernel, s) for _, _, kernel, _, s in architecture.layers if s > 1)]
    depth = 1 + sum(stride > 1 for *_, stride in architecture.layers[: architecture.cut])
    for kernel, stride in strided[:depth]:
        before, _ = same_padding(places, kernel, stride)
        first += apart * ((kernel - 1) / 2 - before)
        apart *= stride
        places = -(-places // stride)
    return first + apart * np.arange(places, dtype=np.float64)
