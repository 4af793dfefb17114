"""Whether anything moves: rooms, lights, slide shows and people, as a whole and piece by piece."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing, read_clips
from action_recognition.recognition.motion import Motion, moves, nothing_moves
from action_recognition.video import Video

Frames = NDArray[np.uint8]
SIDE = 96


def room(seed: int = 0, side: int = SIDE) -> Frames:
    """A picture of dark and bright areas, (side, side, 3)."""
    coarse = np.random.default_rng(seed).integers(30, 230, (6, 6, 3), dtype=np.uint8)
    cell = -(-side // 6)
    return coarse.repeat(cell, 0).repeat(cell, 1)[:side, :side]


def standing(times: int, seed: int = 0) -> Frames:
    return np.repeat(room(seed)[None], times, 0)


def noisy(frames: Frames, deviation: float, seed: int = 1) -> Frames:
    noise = np.random.default_rng(seed).normal(0, deviation, frames.shape)
    return (frames + noise).round().clip(0, 255).astype(np.uint8)


def lit(frames: Frames, light: NDArray[np.floating]) -> Frames:
    """Each frame in its own light, 1 as it is."""
    return (frames * light[:, None, None, None]).round().clip(0, 255).astype(np.uint8)


def with_square(frames: Frames, *, side: int, pixels: float) -> Frames:
    """A white square that goes to the right, so many pixels a frame."""
    drawn = frames.copy()
    for k, frame in enumerate(drawn):
        left = int(k * pixels) % (frame.shape[1] - side)
        frame[40 : 40 + side, left : left + side] = 255
    return drawn


# -- what stands still ---------------------------------------------------------------------


@cache
def still_films() -> dict[str, Frames]:
    times = np.arange(40)
    return {
        "the same frame": standing(40),
        "a black picture": np.zeros((40, SIDE, SIDE, 3), np.uint8),
        "noise of a sensor": noisy(standing(40), 6),
        "a light that dims": lit(standing(40), 1 - times / 80),
        "a light that flickers": lit(standing(40), 1 + 0.01 * (-1.0) ** times),
        "a light that is switched off": lit(standing(40), np.where(times < 20, 1, 0.2)),
        "a wall that brightens": lit(np.full((40, SIDE, SIDE, 3), 240, np.uint8), times / 40),
        "all of it, in noise": noisy(lit(standing(40), 1 - times / 80), 4),
        "a slide show": np.concatenate([standing(10, seed) for seed in range(4)]),
        "a square that does not move": with_square(noisy(standing(40), 4), side=12, pixels=0),
    }


@cache
def moving_films() -> dict[str, Frames]:
    times = np.arange(40)
    return {
        "a small square": with_square(standing(40), side=12, pixels=5),
        "a small square in noise": with_square(noisy(standing(40), 6), side=12, pixels=5),
        "a small square while the light dims": lit(
            with_square(standing(40), side=12, pixels=5), 1 - times / 80
        ),
        "a camera that turns": np.stack([np.roll(room(), 3 * k, 1) for k in range(40)]),
        "pictures that change quickly": np.concatenate([standing(3, s) for s in range(14)]),
        "snow": np.random.default_rng(0).integers(0, 256, (40, SIDE, SIDE, 3), dtype=np.uint8),
    }


@pytest.mark.parametrize("name", still_films())
def test_nothing_moves(name: str) -> None:
    assert nothing_moves(still_films()[name][None])


@pytest.mark.parametrize("name", moving_films())
def test_something_moves(name: str) -> None:
    film = moving_films()[name]
    assert not nothing_moves(film[None])
    assert not nothing_moves(film[None, :, ::-1])


def test_a_square_that_moves_now_and_then() -> None:
    """Where something moves from 3 of 20 frames to the next, it does; from 2, it does not."""
    for moments, still in ((2, True), (3, False)):
        film = standing(21)
        for k in range(moments):
            film[4 * k + 3 :, 48:60, 8 * k : 8 * k + 12] = 255
        assert moves(film).sum() == moments
        assert nothing_moves(film[None]) is still


def test_clips_of_a_video_count_together_and_are_films_of_their_own() -> None:
    still, moving = standing(16), with_square(standing(16), side=12, pixels=5)
    rooms = np.stack([standing(16, seed) for seed in range(5)])
    assert nothing_moves(rooms)  # another picture in each clip is no movement
    assert not nothing_moves(np.stack([still, still, moving, still]))  # a quarter
    assert not nothing_moves(np.stack([moving, still, still]))
    assert nothing_moves(np.stack([still] * 8 + [moving]))


def test_real_people_move(shared_dir: Path) -> None:
    folders = sorted(f for f in (shared_dir / "originals").glob("*") if f.is_dir())
    if not folders:
        pytest.skip("needs original AVI clips in ../shared/originals")
    for path in (min(folder.glob("*.avi")) for folder in folders):
        with Video(path) as video:
            assert not nothing_moves(read_clips(video, Preprocessing(), window=16).frames), path


# -- from one frame to the next ------------------------------------------------------------


def changed(levels: list[int], where: tuple[slice, ...]) -> Frames:
    """A grey picture of 4x4 squares of 8 pixels, and the same with another grey somewhere."""
    frames = np.full((2, 32, 32, 3), 100, np.uint8)
    frames[1][where] += np.array(levels, np.uint8)
    return frames


ONE = (slice(8, 16), slice(16, 24))  # a square


@pytest.mark.parametrize(
    ("levels", "where", "expected"),
    [
        ([3, 3, 3], ONE, False),
        ([4, 4, 4], ONE, True),
        ([9, 0, 0], ONE, False),  # the mean of three colours
        ([0, 10, 0], ONE, True),
        ([60, 60, 60], (slice(8, 9), slice(16, 19)), False),  # three pixels of a square
        ([70, 70, 70], (slice(8, 9), slice(16, 19)), True),
        ([90, 90, 90], (slice(0, 32), slice(0, 32)), False),  # everything alike
        ([90, 90, 90], (slice(0, 32), slice(0, 24)), True),
    ],
)
def test_a_square_moves_by_more_than_three_levels(
    levels: list[int], where: tuple[slice, ...], expected: bool
) -> None:
    frames = changed(levels, where)
    assert moves(frames).tolist() == [expected]
    assert moves(frames[::-1]).tolist() == [expected]


def test_each_frame_is_compared_with_the_one_before() -> None:
    film = standing(9)
    film[3:, :20, :20] = 0
    film[6] = room(1)
    found = moves(film)
    assert found.dtype == np.bool_
    assert found.tolist() == [False, False, True, False, False, True, True, False]


@pytest.mark.parametrize("sides", [(1, 1), (7, 7), (5, 40), (40, 5), (8, 8), (9, 15), (17, 100)])
def test_pictures_of_any_size(sides: tuple[int, int]) -> None:
    still = np.full((12, *sides, 3), 90, np.uint8)
    assert moves(still).tolist() == [False] * 11
    assert nothing_moves(still[None])
    assert list(Motion(4).feed(still)) == [False] + [True] * 11
    if max(sides) >= 16:  # of a single square, movement and light cannot be told apart
        still[::2, :5, :5] = 255
        assert moves(still).all()
        assert not nothing_moves(still[None])


@pytest.mark.parametrize("clips", [1, 3])
def test_of_single_frames_nothing_can_be_said(clips: int) -> None:
    assert moves(standing(1)).shape == (0,)
    assert not nothing_moves(np.stack([standing(1, seed) for seed in range(clips)]))
    assert list(Motion(4).feed(standing(1))) == [False]
    assert not Motion(4).still


# -- piece by piece ------------------------------------------------------------------------


def eventful() -> Frames:
    """Stands, moves, stands, shows another room, stands."""
    square = with_square(standing(12), side=12, pixels=5)
    return noisy(np.concatenate([standing(10), square, standing(13), standing(9, seed=1)]), 4)


def watch(window: int, frames: Frames, lengths: list[int]) -> list[bool]:
    motion, found, start, k = Motion(window), list[bool](), 0, 0
    while start < len(frames):
        length = lengths[k % len(lengths)]
        found += motion.feed(frames[start : start + length])
        assert motion.still == found[-1]
        start, k = start + length, k + 1
    return found


@pytest.mark.parametrize("window", [2, 5, 16, 100])
def test_the_last_window_of_frames_decides(window: int) -> None:
    frames = eventful()
    found = watch(window, frames, [len(frames)])
    expected = [
        nothing_moves(frames[None, max(0, k + 1 - window) : k + 1]) for k in range(len(frames))
    ]
    assert found == expected
    assert not found[0]
    assert {*found[1:]} == {False, True}


@pytest.mark.parametrize("lengths", [[1], [2], [3, 1], [7], [1, 20]])
@pytest.mark.parametrize("window", [1, 5, 16])
def test_pieces_of_any_length_give_what_the_whole_gives(window: int, lengths: list[int]) -> None:
    frames = eventful()
    assert watch(window, frames, lengths) == watch(window, frames, [len(frames)])


@pytest.mark.parametrize("make", [still_films, moving_films])
def test_once_the_window_is_full_films_are_seen_as_a_whole_video_is(
    make: Callable[[], dict[str, Frames]],
) -> None:
    for name, film in make().items():
        found = watch(16, film, [len(film)])[15:]
        assert np.mean(found) == float(make is still_films), name
