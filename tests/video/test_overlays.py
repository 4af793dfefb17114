"""Pictures over the frames of a video."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from action_recognition.video import Video
from action_recognition.video.cutting import write_cut
from action_recognition.video.overlays import Overlay, Painter, pack, unpack

LEFT, WHOLE = (0.0, 0.0, 0.5, 1.0), (0.0, 0.0, 1.0, 1.0)


def plain(colour: tuple[int, int, int, int], start_s: float, end_s: float, **more) -> Overlay:
    box = more.pop("box", WHOLE)
    return Overlay.of(np.full((3, 5, 4), colour, np.uint8), start_s, end_s, box, **more)


def test_an_overlay_is_shown_in_its_time_and_place() -> None:
    painter = Painter([plain((200, 100, 0, 128), 1.0, 2.0, box=LEFT)], 40, 20)
    for time_s, seen in ((0.9, False), (1.0, True), (1.9, True), (2.0, False)):
        picture = np.full((20, 40, 3), 100, np.uint8)
        painter.paint(picture, time_s)
        assert (picture[:, 20:] == 100).all()
        expected = [150, 100, 50] if seen else [100, 100, 100]
        assert picture[10, 10].astype(int) == pytest.approx(expected, abs=2)


def test_the_higher_level_lies_above_whatever_came_first() -> None:
    red, blue = plain((255, 0, 0, 255), 0, 9, level=1), plain((0, 0, 255, 255), 1, 9)
    picture = np.zeros((4, 4, 3), np.uint8)
    Painter([red, blue], 4, 4).paint(picture, 2.0)
    assert picture[0, 0].tolist() == [255, 0, 0]


def test_overlays_travel_as_bytes() -> None:
    overlays = [plain((1, 2, 3, 4), 0.5, 1.5, box=LEFT, level=1), plain((5, 6, 7, 8), 1, 2)]
    assert list(unpack(b"".join(pack(overlays)))) == overlays
    assert overlays[0].pixels()[2, 4].tolist() == [1, 2, 3, 4]


def test_a_small_video_is_enlarged_so_that_letters_can_be_read(make_video, tmp_path: Path) -> None:
    path = make_video("v.mp4", seconds=1, size=(64, 48)).path
    overlay = plain((255, 0, 0, 255), 0.4, 0.8, box=LEFT)
    write_cut(path, tmp_path / "o.mp4", 0, 1, overlays=[overlay])
    with Video(tmp_path / "o.mp4") as video:
        assert (video.info.width, video.info.height) == (480, 360)
        frames, _ = video.frames_at([0.1, 0.5, 0.9], size=48)
    reds = [bool(f[24, 12, 0] > 200 and f[24, 12, 1] < 60) for f in frames]
    assert reds == [False, True, False]
    assert frames[1][24, 40] == pytest.approx(frames[0][24, 40], abs=40)
