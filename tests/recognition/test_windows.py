"""Frames in, answers at the right times out, whatever the pieces in which they come."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing
from action_recognition.errors import UsageError
from action_recognition.models.runtime import Runtime
from action_recognition.models.stored_network import open_runtime, stored
from action_recognition.recognition.motion import nothing_moves
from action_recognition.recognition.segmentation import Moment
from action_recognition.recognition.windows import Windows
from tiny_network import build_tiny_model

Frames = NDArray[np.uint8]


def noise(times: int) -> Frames:
    return np.random.default_rng(0).integers(0, 256, (times, 32, 32, 3), dtype=np.uint8)


@dataclass(frozen=True)
class Seen(Moment):
    """A moment, and all that it was made of; the logits stand for the probabilities."""

    likeness: NDArray[np.float32] | None = None
    still: bool | None = None


def make(
    time_s: float, logits: NDArray[np.float32], likeness: NDArray[np.float32], still: bool
) -> Seen:
    return Seen(time_s, logits.astype(np.float64), 1.0, likeness, still)


@pytest.fixture(params=["torch", pytest.param("graph", marks=pytest.mark.slow)])
def runtime(tiny_preprocessing: Preprocessing, request: pytest.FixtureRequest) -> Runtime:
    """Of a network that keeps the answers of another one; run by PyTorch, and by its graph."""
    network = stored(build_tiny_model(tiny_preprocessing, pretrained=5).network)
    if request.param == "graph":
        network = replace(network, graphs=request.getfixturevalue("tiny_graphs"))
    return open_runtime(network, device="cpu")


def windows(runtime: Runtime, step_s: float) -> Windows:
    """Of 4 frames, 0.1 s apart."""
    return Windows(runtime, make, Preprocessing(interval_s=0.1, size=32), step_s=step_s)


def watch(film: Windows, frames: Frames, lengths: list[int]) -> list[Seen]:
    found: list[Moment] = []
    start = k = 0
    while start < len(frames):
        length = lengths[k % len(lengths)]
        found += film.feed(frames[start : start + length])
        start, k = start + length, k + 1
    return [m for m in (*found, *film.end()) if isinstance(m, Seen)]


@pytest.mark.parametrize(
    ("step_s", "step", "times"),
    [
        (0.1, 1, [0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75]),
        (0.3, 3, [0.15, 0.45, 0.75]),
        (0.34, 3, [0.15, 0.45, 0.75]),
        (0.01, 1, [0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75]),
        (1.0, 10, [0.15]),
    ],
)
def test_an_answer_every_step_at_the_middle_of_its_window(
    runtime: Runtime, step_s: float, step: int, times: list[float]
) -> None:
    film, frames = windows(runtime, step_s), noise(10)
    found = watch(film, frames, [10])
    assert (film.step, film.seen) == (step, 10)
    assert [m.time_s for m in found] == pytest.approx(times)
    answer = runtime.run(frames[None])
    for k, moment in enumerate(found):  # those of the last frame of each window
        assert moment.probabilities == pytest.approx(answer.logits[0, 3 + k * step], abs=1e-5)
        assert moment.likeness == pytest.approx(answer.likeness[0, 3 + k * step], abs=1e-5)
        assert moment.still is False


@pytest.mark.parametrize("lengths", [[1], [3, 1], [7], [4, 9]])
@pytest.mark.parametrize("step_s", [0.1, 0.7])
def test_pieces_of_any_length_give_the_same_moments(
    runtime: Runtime, lengths: list[int], step_s: float
) -> None:
    frames = noise(23)
    expected = watch(windows(runtime, step_s), frames, [23])
    found = watch(windows(runtime, step_s), frames, lengths)
    assert [m.time_s for m in found] == [m.time_s for m in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)
        assert one.likeness == pytest.approx(other.likeness, abs=1e-4)


@pytest.mark.parametrize("lengths", [[23], [1], [3, 1], [4, 9]])
@pytest.mark.parametrize("step", [1, 3])
def test_whether_anything_moves_is_said_of_each_window_alone(
    runtime: Runtime, lengths: list[int], step: int
) -> None:
    frames = noise(23)
    frames[6:15] = frames[5]
    found = watch(windows(runtime, step / 10), frames, lengths)
    ends = range(3, 23, step)
    expected = [nothing_moves(frames[None, end - 3 : end + 1]) for end in ends]
    assert [m.still for m in found] == expected
    assert expected == [8 <= end <= 14 for end in ends]


@pytest.mark.parametrize(("times", "middle_s"), [(1, 0.0), (2, 0.05), (3, 0.1), (4, 0.15)])
def test_a_short_film_has_one_answer(runtime: Runtime, times: int, middle_s: float) -> None:
    frames = noise(times)
    for lengths in ([times], [1]):
        (found,) = watch(windows(runtime, 0.1), frames, lengths)
        assert found.time_s == pytest.approx(middle_s)
        expected = runtime.run(frames[None])
        assert found.probabilities == pytest.approx(expected.logits[0, -1], abs=1e-4)
        assert found.likeness == pytest.approx(expected.likeness[0, -1], abs=1e-4)
        assert found.still is False


@pytest.mark.parametrize(("times", "still"), [(1, False), (2, True), (3, True), (4, True)])
def test_whether_anything_moves_in_a_short_film(runtime: Runtime, times: int, still: bool) -> None:
    """Of a single frame nothing can be said."""
    frames = noise(1).repeat(times, 0)
    for lengths in ([times], [1]):
        (found,) = watch(windows(runtime, 0.1), frames, lengths)
        assert found.still is still


def test_the_answer_at_the_end_is_given_once(runtime: Runtime) -> None:
    film = windows(runtime, 1.0)
    list(film.feed(noise(2)))
    assert len(list(film.end())) == 1
    assert list(film.end()) == []


def test_no_film_no_answer(runtime: Runtime) -> None:
    assert list(windows(runtime, 1.0).end()) == []


@pytest.mark.parametrize("step_s", [0, -1, float("inf"), float("nan")])
def test_steps_that_make_no_sense(runtime: Runtime, step_s: float) -> None:
    with pytest.raises(UsageError, match=f"step_s={step_s}, must be more than 0 seconds"):
        windows(runtime, step_s)


def test_the_network_does_not_run_where_a_frame_stays_as_it_is(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards: a file of a few frames that lasts a day by its time stamps ran it for hours."""
    film = np.concatenate([noise(6), np.repeat(noise(1), 500, axis=0), noise(9)])
    ran: list[int] = []
    run = runtime.run

    def counted(frames: Frames, *state: object) -> object:
        ran.append(frames.shape[1])
        return run(frames, *state)

    monkeypatch.setattr(runtime, "run", counted)
    whole = watch(windows(runtime, 0.1), film, [600])
    assert sum(ran) < 25
    assert len(whole) == len(film) - 3
    assert all(seen.still for seen in whole[10:490])
    pieces = watch(windows(runtime, 0.1), film, [1, 7, 64])
    assert [seen.time_s for seen in pieces] == [seen.time_s for seen in whole]
    for one, other in zip(pieces, whole, strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-4)
        assert one.still == other.still
