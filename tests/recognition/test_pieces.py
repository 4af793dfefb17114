"""Long videos in pieces: the answers are those of the whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from action_recognition.clips.sampling import grid_count
from action_recognition.models.model_file import Model
from action_recognition.recognition.pieces import WHOLE, Piece, split
from action_recognition.recognition.recognizer import Recognizer


def test_a_short_video_is_one_piece() -> None:
    assert split(3, window=16, interval_s=0.2, step_s=1.0, length_s=60) == (WHOLE,)
    assert split(315, window=16, interval_s=0.2, step_s=1.0, length_s=60) == (WHOLE,)


def test_each_answer_counts_once() -> None:
    found = split(100, window=16, interval_s=0.2, step_s=1.0, length_s=8, warm_up_s=3)
    # 17 answers, at frames 15, 20, ... 95: those of 0 to 7, of 8 to 15, and the last
    assert found == (Piece(0, 51, 0), Piece(25, 91, 3), Piece(65, None, 3))


@pytest.mark.parametrize("warm_up_s", [60.0, 2.4])
def test_pieces_answer_as_the_whole(
    make_video: Callable[..., Any], tiny_model: Model, warm_up_s: float
) -> None:
    recognizer = Recognizer(tiny_model)
    path = make_video("film.mp4", seconds=8).path
    interval_s = tiny_model.preprocessing.interval_s
    whole = list(recognizer.moments(path, step_s=0.4))
    found = split(
        grid_count(8.0, interval_s),
        window=recognizer.window, interval_s=interval_s,
        step_s=0.4, length_s=2, warm_up_s=warm_up_s,
    )  # fmt: skip
    assert len(found) > 2
    parts = [m for piece in found for m in recognizer.moments(path, step_s=0.4, piece=piece)]
    assert [m.time_s for m in parts] == pytest.approx([m.time_s for m in whole])
    one, other = (np.stack([m.probabilities for m in each]) for each in (parts, whole))
    # With all frames before it a piece knows what the whole knows; else it lacks what is forgotten.
    np.testing.assert_allclose(one, other, atol=1e-5 if warm_up_s == 60 else 0.02)
