"""Made videos that show nothing: each kind, whatever the size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from action_recognition.training import emptiness
from action_recognition.training.emptiness import make_emptiness

Frames = NDArray[np.uint8]
Maker = Callable[[np.random.Generator, int, int], Frames]

STILL = ("_plain", "_room", "_figure")
KINDS = (*STILL, "_noise", "_pattern", "_gradient", "_page")


def make(kind: str, seed: int, size: int = 36, count: int = 60) -> Frames:
    maker: Maker = getattr(emptiness, kind)
    return maker(np.random.default_rng(seed), size, count)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "count"), [(18, 5), (36, 60), (97, 1), (194, 30)])
def test_shape_and_type(kind: str, size: int, count: int) -> None:
    for seed in range(4):
        frames = make(kind, seed, size, count)
        assert frames.shape == (count, size, size, 3)
        assert frames.dtype == np.uint8


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides(kind: str) -> None:
    assert np.array_equal(make(kind, 3), make(kind, 3))
    assert len({make(kind, seed, count=3).tobytes() for seed in range(12)}) >= 6


def movement(frames: Frames) -> float:
    """Largest change of a part of the picture, 6x6 of them: noise of single pixels averages out."""
    count, size = frames.shape[:2]
    cells = frames.astype(float).reshape(count, 6, size // 6, 6, size // 6, 3).mean((2, 4))
    return float(np.ptp(cells, axis=0).max())


@pytest.mark.parametrize("kind", STILL)
def test_what_stands_still_does_not_move_beyond_noise_and_flicker(kind: str) -> None:
    found = [movement(make(kind, seed)) for seed in range(20)]
    assert max(found) < 25  # flicker of 1 % (one deviation) of 255, noise of 6 over 36 pixels
    assert min(found) == 0  # some cameras add nothing
    assert len({round(f, 3) for f in found}) > 3  # and others do


def test_noise_changes_with_each_frame_and_has_no_mean_colour_drift() -> None:
    for seed in range(8):
        frames = make("_noise", seed).astype(float)
        assert np.abs(np.diff(frames, axis=0)).mean() > 60  # 85 where each is drawn anew


def test_a_page_never_scrolls_beyond_its_end() -> None:
    """It did where a video had more frames than the page had room for."""
    for seed in range(30):
        assert make("_page", seed, 36, 300).shape == (300, 36, 36, 3)


# -- of pictures ---------------------------------------------------------------------------

PICTURE = np.random.default_rng(1).integers(0, 256, (36, 36, 3), dtype=np.uint8)


def test_without_a_picture_none_is_shown() -> None:
    made = [make_emptiness(np.random.default_rng(s), 36, 4) for s in range(30)]
    assert {m.shape for m in made} == {(4, 36, 36, 3)}
    assert {m.dtype for m in made} == {np.dtype(np.uint8)}
    assert len({m.tobytes() for m in made}) >= 25


def test_half_of_them_show_the_picture_standing_still_or_as_slides() -> None:
    shown = still = slides = 0
    before = PICTURE.copy()
    for seed in range(100):
        frames = make_emptiness(np.random.default_rng(seed), 36, 20, PICTURE).astype(int)
        off = np.abs(frames - PICTURE).mean((1, 2, 3))
        mirrored = np.abs(frames - PICTURE[:, ::-1]).mean((1, 2, 3))
        if min(off[0], mirrored[0]) < 8:
            shown += 1
            still += max(off) < 8
            slides += max(off) > 20  # another slide comes
    assert 30 <= shown <= 65
    assert still > slides > 3
    assert np.array_equal(PICTURE, before)


def test_the_seed_decides_with_a_picture() -> None:
    for seed in range(10):
        first, second = (
            make_emptiness(np.random.default_rng(seed), 36, 6, PICTURE) for _ in range(2)
        )
        assert np.array_equal(first, second)
