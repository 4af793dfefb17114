"""Made videos that show nothing: each kind, whatever the size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from action_recognition.training import emptiness
from action_recognition.training.emptiness import make_emptiness

pytestmark = pytest.mark.slow  # the whole file: some seconds

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


Films = list[NDArray[np.float32]]


@pytest.fixture(scope="module")
def noise_films() -> Films:
    return [make("_noise", seed, 36, 30).astype(np.float32) for seed in range(60)]


@pytest.mark.slow
def test_noise_changes_with_each_frame_and_its_mean_does_not_drift(noise_films: Films) -> None:
    changes = [np.abs(np.diff(film, axis=0)).mean((1, 2, 3)) for film in noise_films]
    steps = np.array([change.min() for change in changes])
    assert np.mean(steps > 5) > 0.9
    assert np.mean(steps > 30) > 0.4
    means = np.array([film.mean((1, 2, 3)) for film in noise_films])
    drift = means[:, :15].mean(1) - means[:, 15:].mean(1)
    error = means.std(1) * (2 / 15) ** 0.5  # coarse noise has few grains: its mean is not steady
    assert (np.abs(drift) < 4 * error + 0.1).all()
    assert np.median(np.abs(drift)) < 3


@pytest.mark.slow
def test_noise_is_of_many_kinds(noise_films: Films) -> None:
    grey = np.mean([np.ptp(film, axis=3).max() == 0 for film in noise_films])
    assert 0.4 < grey < 0.9  # the rest is coloured
    deviations = np.array([film.std() for film in noise_films])
    assert np.mean(deviations < 25) > 0.1  # faint
    assert np.mean(deviations > 60) > 0.2  # harsh
    alike = np.array([similarity_of_neighbours(film) for film in noise_films])
    assert np.mean(np.abs(alike) < 0.1) > 0.1  # each pixel by itself
    assert np.mean((alike > 0.3) & (alike < 0.95)) > 0.3  # blurred or coarse


def similarity_of_neighbours(film: NDArray[np.float32]) -> float:
    """Correlation of pixels that lie side by side."""
    one, other = film[:, :, 1:, 0].ravel(), film[:, :, :-1, 0].ravel()
    return float(np.corrcoef(one, other)[0, 1]) if one.std() else 1.0


@pytest.mark.slow
def test_in_some_noise_a_dark_bar_rolls() -> None:
    rolling = 0
    for seed in range(60):
        rows = make("_noise", seed, 72, 20).mean((2, 3))  # (frames, rows)
        dark = rows < 0.8 * np.median(rows, axis=1, keepdims=True)
        share = dark.mean(1)
        if share.min() > 0.03 and share.max() < 0.4:
            tops = dark.argmax(1)
            rolling += len(set(tops.tolist())) > 5
    assert 8 <= rolling <= 36


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
