"""The graphs in the files that come with the package answer as their networks do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from action_recognition.clips import read_clips
from action_recognition.models.graph_runtime import GraphRuntime
from action_recognition.models.model_file import SHIPPED_MODELS, Model, find_model, load_model
from action_recognition.models.runtime import Answer, Runtime
from action_recognition.models.saliency import heat_maps
from action_recognition.models.stored_network import open_runtime, restored
from action_recognition.models.torch_runtime import TorchRuntime
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.video import Video
from video_maker import MadeVideo, barcode

pytestmark = pytest.mark.slow  # the whole file: some hundred frames, twice

SIZE, WINDOW = 172, 16
CLOSE = 1e-4

Frames = NDArray[np.uint8]
Pair = tuple[Runtime, Runtime]


@pytest.fixture(scope="module", params=SHIPPED_MODELS)
def model(request: pytest.FixtureRequest) -> Model:
    return load_model(find_model(request.param))


@pytest.fixture(scope="module")
def pair(model: Model) -> Pair:
    """The graph, and the network itself."""
    graph = open_runtime(model.network, device="cpu")
    assert isinstance(graph, GraphRuntime)
    return graph, TorchRuntime(restored(model.network), device="cpu")


def noise(batch: int, times: int, seed: int = 0) -> Frames:
    shape = (batch, times, SIZE, SIZE, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def check(found: Answer, expected: Answer) -> None:
    for name in ("logits", "likeness", "features"):
        one, other = getattr(found, name), getattr(expected, name)
        assert one.shape == other.shape
        assert one.dtype == other.dtype == np.float32
        assert np.abs(one - other).max(initial=0) < CLOSE, name
    assert np.ptp(expected.logits) > 1  # or it shows nothing


@pytest.mark.parametrize(
    ("batch", "times"), [(1, 1), (1, 7), (1, 64), (3, 1), (3, 7), (3, 64), (8, 1), (8, 7)]
)
def test_noise(pair: Pair, batch: int, times: int) -> None:
    frames = noise(batch, times)
    graph, network = (runtime.run(frames) for runtime in pair)
    check(graph, network)


def test_many_frames_in_one_call(pair: Pair) -> None:
    """`run` never asks for so many at once; the graph has no limit of its own."""
    frames = noise(8, 16)
    graph, network = (runtime.step(frames, None) for runtime in pair)
    check(graph, network)


@pytest.mark.parametrize("batch", [1, 3])
def test_pieces_with_the_state(pair: Pair, batch: int) -> None:
    frames = noise(batch, 30, seed=1)
    graph, network = pair
    state, found = None, []
    for piece in np.split(frames, [1, 2, 9, 21], axis=1):
        found.append(graph.run(piece, state))
        state = found[-1].state
    whole = (np.concatenate([getattr(a, name) for a in found], 1) for name in Answer._fields[:3])
    check(Answer(*whole, None), network.run(frames))


def figure(index: int, time_s: float, width: int, height: int) -> Frames:
    """A bright square that jumps up and down before a coloured wall."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:] = np.linspace(20, 120, width, dtype=np.uint8)[None, :, None]
    top = int((height - 60) * abs(np.sin(3 * time_s)))
    image[top : top + 60, width // 2 - 15 : width // 2 + 15] = (230, 180, 40)
    return image


@pytest.mark.parametrize(
    ("pattern", "settings"),
    [
        (figure, {"seconds": 6, "size": (320, 240)}),  # one clip
        (figure, {"seconds": 20, "size": (160, 240), "fps": 15}),  # five, upright
        (barcode, {"seconds": 0.1}),  # hardly a frame
    ],
    ids=["landscape", "portrait", "short"],
)
def test_made_videos(
    model: Model,
    pair: Pair,
    make_video: Callable[..., MadeVideo],
    pattern: Callable[..., Frames],
    settings: dict[str, object],
) -> None:
    clips = clips_of(make_video(pattern=pattern, **settings).path, model)
    graph, network = (runtime.answer(clips) for runtime in pair)
    for name, found, expected in zip(graph._fields, graph, network, strict=True):
        assert found == pytest.approx(expected, abs=CLOSE), name


def clips_of(path: Path, model: Model) -> Frames:
    with Video(path) as video:
        frames: Frames = read_clips(video, model.preprocessing, window=WINDOW).frames
    assert frames.shape[2:] == (SIZE, SIZE, 3)
    return frames


@pytest.mark.parametrize("times", [1, 7, 64])
def test_heat_maps_of_noise(model: Model, pair: Pair, times: int) -> None:
    check_heat(model, pair, noise(1, times)[0], every_place=times < 64)


def test_heat_maps_of_a_made_video(
    model: Model, pair: Pair, make_video: Callable[..., MadeVideo]
) -> None:
    clip = clips_of(make_video(pattern=figure, seconds=6, size=(320, 240)).path, model)[0]
    check_heat(model, pair, clip, every_place=False)


def check_heat(model: Model, pair: Pair, clip: Frames, *, every_place: bool) -> None:
    """Of the likeliest action and of another.

    The gradient of ReLU6 jumps at 0 and 6. Among the millions of values of a long clip some lie so
    close to it that rounding decides, and with it a few places of the map: there PyTorch in single
    precision is as far from PyTorch in double precision, 0.01 and less, as the graph is from both.
    """
    answers = len(model.classes)
    likeliest = int(pair[1].run(clip[None]).logits[0, -1, :answers].argmax())
    for target in sorted({likeliest, answers - 1}):
        found, expected = (heat_maps(of, clip, target, answers=answers) for of in pair)
        assert found.shape == expected.shape == clip.shape[:3]
        off = np.abs(found - expected)
        assert off.max() < (CLOSE if every_place else 0.05)
        assert (off < CLOSE).mean() > 0.95
        assert target != likeliest or expected.max() == 1


def test_the_recognizer_takes_the_graph(
    model: Model, pair: Pair, make_video: Callable[..., MadeVideo]
) -> None:
    recognizer = Recognizer(model, device="cpu")
    assert isinstance(recognizer.runtime, GraphRuntime)
    path = make_video(pattern=figure, seconds=3, size=(320, 240)).path
    found = recognizer.predict(path)
    recognizer.runtime = pair[1]
    expected = recognizer.predict(path)
    assert found.ranked[0][0] == expected.ranked[0][0]
    assert found.probabilities == pytest.approx(expected.probabilities, abs=CLOSE)
    assert found.known_probability == pytest.approx(expected.known_probability, abs=CLOSE)
