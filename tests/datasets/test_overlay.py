"""Frames that are laid over one another in time."""

from __future__ import annotations

import numpy as np
import pytest

from action_recognition.datasets.fingerprints import mirror_signs
from action_recognition.datasets.overlay import Frames, show_the_same


def walk(seed: int, length: int, *, step: float = 3.0) -> Frames:
    """Frames that change bit by bit, as those of a moving camera do."""
    random = np.random.default_rng(seed)
    steps = random.normal(0, step, (length, 64)).astype(np.float32)
    rows = 10 * random.normal(0, 1, (1, 64)).astype(np.float32) + np.cumsum(steps, axis=0)
    return Frames(rows, np.ones(length, bool))


def noisy(frames: Frames, level: float, seed: int = 9) -> Frames:
    noise = np.random.default_rng(seed).normal(0, level, frames.rows.shape)
    return Frames((frames.rows + noise).astype(np.float32), frames.votes)


@pytest.mark.parametrize("level", [0.0, 1.0, 2.0])
@pytest.mark.parametrize(("start", "length"), [(0, 40), (0, 15), (13, 20), (28, 12)])
def test_a_part_is_found(start: int, length: int, level: float) -> None:
    video = walk(1, 40)
    part = noisy(video.part(start, length), level)
    assert show_the_same(video, part) == show_the_same(part, video) == "plain"
    assert show_the_same(video, part.mirrored()) == "mirrored"
    assert show_the_same(video, noisy(walk(2, length), level)) is None


def test_both_go_on_beyond_what_they_share() -> None:
    video = walk(3, 60)
    assert show_the_same(video.part(0, 40), noisy(video.part(20, 40), 1.0)) == "plain"
    assert show_the_same(video.part(0, 32), noisy(video.part(28, 32), 1.0)) is None  # 0.4 s


def test_the_same_place_is_not_enough() -> None:
    """Before the same ground, what moves is different."""
    ground = 40 * np.random.default_rng(0).normal(0, 1, 64).astype(np.float32)
    takes = [
        Frames(ground + walk(k, 40, step=1.0).rows - walk(k, 40, step=1.0).rows.mean(0), ok)
        for k, ok in enumerate([np.ones(40, bool)] * 2)
    ]
    one, other = (t.rows for t in takes)
    assert (one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum()) > 0.95
    assert show_the_same(*takes) is None
    assert show_the_same(takes[0], noisy(takes[0], 0.5)) == "plain"


def test_where_nothing_moves_the_frames_must_be_the_same() -> None:
    still = Frames(np.repeat(walk(4, 1).rows * 4, 30, axis=0), np.ones(30, bool))
    assert show_the_same(still, noisy(still, 0.02)) == "plain"
    other = Frames(still.rows + walk(5, 1).rows * 0.8, still.votes)
    assert show_the_same(still, other) is None


@pytest.mark.parametrize("speed", [0.5, 0.7, 1.5, 2.0])
def test_another_speed(speed: float) -> None:
    video = walk(6, 80)
    smooth = np.apply_along_axis(np.convolve, 0, video.rows, np.ones(5) / 5, "valid")
    video = Frames(smooth.astype(np.float32), np.ones(len(smooth), bool))
    times = np.arange(0, len(video) - 1, speed)
    rows = [np.interp(times, np.arange(len(video)), column) for column in video.rows.T]
    copy = Frames(np.stack(rows, 1).astype(np.float32), np.ones(len(times), bool))
    assert show_the_same(video, copy) is None
    assert show_the_same(video, copy, any_speed=True) == "plain"
    assert show_the_same(video, walk(7, len(times)), any_speed=True) is None


def test_frames_that_show_too_little_do_not_tell() -> None:
    video = walk(8, 30)
    blind = Frames(video.rows, np.arange(30) < 10)
    assert show_the_same(blind, blind) is None
    assert show_the_same(blind, video) == "plain"  # the other one tells


def test_faster_and_mirrored() -> None:
    rows = np.arange(5, dtype=np.float32)[:, None] * np.ones(64, np.float32)
    frames = Frames(rows, np.array([True, True, False, True, True]))
    faster = frames.faster(1.5)
    np.testing.assert_allclose(faster.rows[:, 0], [0, 1.5, 3])
    assert faster.votes.tolist() == [True, False, True]
    assert (frames.mirrored().rows == rows * mirror_signs()).all()
