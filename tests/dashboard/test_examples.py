"""Examples: clips of a folder where there are some, else drawn films; and the summary picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("streamlit")

from action_recognition.dashboard.examples import BUILT_IN, class_clips, find_examples
from action_recognition.dashboard.media.figure import film, jumping
from action_recognition.dashboard.media.summary import summary_png
from action_recognition.models.model_file import Model
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.video import Video
from video_maker import MadeVideo


def test_without_a_folder_examples_are_those_of_the_package(tmp_path: Path) -> None:
    assert find_examples(tmp_path / "none", ["Hitting"]) == BUILT_IN
    assert find_examples(tmp_path, ["Hitting"]) == BUILT_IN


def test_the_first_clip_of_each_known_class(
    tmp_path: Path, make_video: Callable[..., MadeVideo]
) -> None:
    data = make_video("x.mp4", seconds=0.2).path.read_bytes()
    for name in ("hit/b.mp4", "hit/a.mp4", "hit/.hidden.mp4", "Unknown/c.mp4", "run/notes.txt"):
        path = tmp_path / "clips" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    found = find_examples(tmp_path / "clips", ["Run", "Hitting"])
    assert [(e.title, e.name) for e in found] == [("Hitting", "a.mp4")]
    assert found[0].read() == data
    assert class_clips(tmp_path / "clips", ["Unknown"])["Unknown"].name == "c.mp4"


def test_a_drawn_film_moves_and_comes_back() -> None:
    data = film(1.0, jumping, fps=10, size=(160, 120))
    with Video(io.BytesIO(data), name="figure.mp4") as video:
        assert (video.info.width, video.info.height) == (160, 120)
        assert video.info.duration_s == pytest.approx(1.0, abs=0.01)
        frames, _ = video.frames_at([0.0, 0.5, 0.9], size=64)
    still, open_arms, closed = frames.astype(int)
    assert abs(still - open_arms).mean() > 2 * abs(still - closed).mean()


def test_three_scenes_follow_each_other() -> None:
    (example,) = (e for e in BUILT_IN if e.title == "Three scenes")
    with Video(io.BytesIO(example.read()), name=example.name) as video:
        assert (video.info.width, video.info.height) == (352, 288)
        assert video.info.duration_s == pytest.approx(24, abs=0.1)
        frames, _ = video.frames_at([3.5, 4.5, 11.5, 12.5], size=64)
    car, figure, still_figure, news = frames.astype(int)
    assert abs(figure - still_figure).mean() < 20
    assert min(abs(car - figure).mean(), abs(news - still_figure).mean()) > 30


def test_the_summary_is_a_picture_of_the_answer(
    tiny_model: Model, make_video: Callable[..., MadeVideo]
) -> None:
    path = make_video("c.mp4", seconds=1).path
    prediction = Recognizer(tiny_model).predict(path, keep_frames=True)
    clips = prediction.clips
    assert clips is not None
    heat = np.zeros(clips.frames[0].shape[:3], dtype=np.float32)
    cold = _open(summary_png(prediction, clips.frames[0], clips.times_s[0], heat))
    hot = _open(summary_png(prediction, clips.frames[0], clips.times_s[0], heat + 1))
    assert cold.shape[1] == 1200
    changed = np.flatnonzero((cold != hot).any(axis=(1, 2)))
    assert changed[0] > cold.shape[0] / 2  # the strip with the heat, nothing above it
    unknown = replace(prediction, known_probability=0.1, file="x" * 300 + ".mp4")
    other = _open(summary_png(unknown, clips.frames[0], clips.times_s[0], heat))
    assert (other[:140] != cold[:140]).any()
    assert (other[:, -30:] == 255).all()  # a long name is shortened, not cut off


def _open(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))
