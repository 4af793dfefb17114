"""GIFs, contact sheets and labels."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL")

from PIL import Image

from action_recognition.editing import annotate as annotate_module
from action_recognition.editing import contact_sheet as contact_sheet_module
from action_recognition.editing.annotate import label, overlays_of
from action_recognition.editing.contact_sheet import MAX_MOMENTS, contact_sheet
from action_recognition.editing.gif import gif_of
from action_recognition.errors import UsageError
from action_recognition.models.model_file import Model
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.segmentation import Segment
from action_recognition.video import Video
from video_maker import MadeVideo, read_barcode

MakeVideo = Callable[..., MadeVideo]
RUN = Segment(1, 3, "Run", "Run", 0.91, 1.0)


def test_a_gif_shows_the_frames_of_its_moment(make_video: MakeVideo) -> None:
    made = make_video("v.mp4", seconds=4, size=(96, 64))
    with Video(made.path) as video:
        image = Image.open(io.BytesIO(gif_of(video, 1.0, 2.5)))
    assert (image.size, image.n_frames) == ((96, 64), 15)
    assert (image.info["duration"], image.info["loop"]) == (100, 0)
    for k in (0, 7, 14):
        image.seek(k)
        shown = read_barcode(np.asarray(image.convert("RGB")))
        assert shown == made.index_at(1.0 + k / 10)


def test_a_gif_is_bounded(make_video: MakeVideo) -> None:
    with Video(make_video("v.mp4", seconds=4, size=(96, 64)).path) as video:
        image = Image.open(io.BytesIO(gif_of(video, 0, 4, max_side=48, frame_rate=5, max_s=2)))
        assert (image.size, image.n_frames) == ((48, 32), 10)
        with pytest.raises(UsageError, match="GIF: frame_rate=100, must be from 1 to 50"):
            gif_of(video, 0, 1, frame_rate=100)
        with pytest.raises(UsageError, match="shows nothing from 9 s on"):
            gif_of(video, 9, 10)


def test_a_contact_sheet_has_a_cell_for_each_moment(make_video: MakeVideo) -> None:
    made = make_video("v.mp4", seconds=8, size=(64, 128))  # portrait
    segments = [Segment(k, k + 1, "Run", "Run", 0.9, 1.0) for k in range(6)]
    with Video(made.path) as video:
        image = Image.open(io.BytesIO(contact_sheet(video, segments)))
        with pytest.raises(UsageError, match="there is no moment to show"):
            contact_sheet(video, [])
    assert image.size == (16 + 4 * 176, 56 + 2 * (128 + 64))
    for k in range(6):
        x, y = 16 + k % 4 * 176, 56 + k // 4 * 192
        cell = np.asarray(image)[y : y + 128, x : x + 64]
        assert read_barcode(cell) == made.index_at(k + 0.5)


@pytest.mark.slow
def test_a_contact_sheet_of_very_many_moments_says_how_many_are_left_out(
    make_video: MakeVideo,
) -> None:
    with Video(make_video("v.mp4", seconds=1).path) as video:
        many = [RUN] * (MAX_MOMENTS + 5)
        image = Image.open(io.BytesIO(contact_sheet(video, many)))
    assert image.size[1] == 56 + MAX_MOMENTS // 4 * (48 + 64)


def test_the_bar_of_a_label_is_as_long_as_the_probability(make_video: MakeVideo) -> None:
    with Video(make_video("v.mp4", size=(640, 480)).path) as video:
        info = video.info
    low = label(replace(RUN, probability=0.25), info)
    assert (low.start_s, low.end_s, low.box[3], low.level) == (1, 3, 1.0, 1)
    assert low.box[1] == pytest.approx(0.9)
    row = low.pixels()[round(0.8 * low.height)].astype(int)
    bar = np.nonzero(row[:, 2] > 200)[0]
    assert len(bar) / (640 - 24) == pytest.approx(0.25, abs=0.01)
    none = label(Segment(0, 1, None, "Run", 0.9, 0.1), info)
    assert not (none.pixels()[round(0.8 * none.height), :, 3] > 200).any()  # no bar
    assert (none.pixels()[..., :3] > 200).any()  # but words


@pytest.mark.slow
def test_heat_lies_where_the_network_looks(tiny_model: Model, make_video: MakeVideo) -> None:
    path = make_video("v.mp4", seconds=3, size=(128, 48)).path  # the middle half is seen
    recognizer = Recognizer(tiny_model)
    name = recognizer.classes[0]
    segments = [
        Segment(0, 1, name, name, 0.9, 1.0),
        Segment(1, 2, None, name, 0.9, 0.1),
        Segment(2, 3, name, name, 0.4, 1.0),
    ]
    with Video(path) as video:
        overlays = list(overlays_of(segments, video.info, heat=(recognizer, path, "v.mp4")))
    assert [o.start_s for o in overlays] == sorted(o.start_s for o in overlays)
    heat = [o for o in overlays if o.level == 0]
    assert {round(o.start_s, 3) for o in heat} == {
        round(k / 10, 3) for k in (*range(10), *range(20, 30))
    }
    assert heat[0].box == (0.25, 0.0, 0.75, 1.0)
    assert max(int(o.pixels()[..., 3].max()) for o in heat) <= 0.66 * 255
    assert len(overlays) - len(heat) == 3


def test_an_annotated_file_is_written_whole_or_not_at_all(
    make_video: MakeVideo, tmp_path: Path
) -> None:
    from action_recognition.editing.cut import cut_to_file

    path, out = make_video("v.mp4", seconds=2).path, tmp_path / "new" / "out.mp4"
    with Video(path) as video:
        info = video.info
    cut_to_file(path, out, 0, 2, overlays=overlays_of([RUN], info))
    before = out.read_bytes()
    with pytest.raises(UsageError):
        cut_to_file(path, out, 7, 9, overlays=overlays_of([RUN], info))
    assert out.read_bytes() == before
    assert [p.name for p in out.parent.iterdir()] == ["out.mp4"]


def test_unsure_moments_are_written_with_their_two_nearest_actions(
    make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards: pictures named a lone action below 50 %."""
    written: list[str] = []
    for module in (annotate_module, contact_sheet_module):
        monkeypatch.setattr(module, "write", lambda _, x, y, text, *rest: written.append(text))
    unsure = Segment(1, 3, "Run", "Run", 0.41, 1.0, "Walk", 0.35)
    with Video(make_video("v.mp4", seconds=4).path) as video:
        label(unsure, video.info)
        contact_sheet(video, [unsure])
    assert written.count("Unsure: Run or Walk") == 2
    assert "unsure: Run" not in written
