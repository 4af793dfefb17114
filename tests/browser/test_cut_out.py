"""From a video to a cut-out of one of its moments, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from dashboard_browser import DashboardPage
from player_page import PLAYER, answered, black_then_white

from action_recognition.video import Video
from video_maker import MadeVideo

pytestmark = [pytest.mark.browser, pytest.mark.slow]

VIDEO = "document.querySelector('video')"


@pytest.mark.parametrize("width", [390, 1440])
def test_a_moment_is_taken_away_in_five_clicks(
    page: DashboardPage, downloads: Path, make_video: Callable[..., MadeVideo], width: int
) -> None:
    page.set_size(width, 900)
    made = make_video("two.mp4", seconds=20, audio=20.0, pattern=black_then_white)
    answered(page, made.path)  # the first two: the file, and Predict
    page.script(f"{PLAYER} rows[1].click()")
    page.wait("return document.querySelector('h3')?.innerText.includes('to 0:20.0')", "the moment")
    page.settle()
    page.click("Cut-out")
    page.wait("return document.body.innerText.includes('Download')", "the cut-out")
    page.settle()
    assert page.overflow() == []
    path = page.download("Download", downloads)  # the fifth
    with Video(path) as video:
        frames, _ = video.frames_at([0.0, video.info.duration_s - 0.1], size=16)
        duration_s = video.info.duration_s
        assert video.info.has_audio
    assert frames[-1].min() > 200  # white, as the second moment is
    assert page.complaints() == []
    page.driver.get(path.as_uri())  # the browser itself plays it
    page.wait(f"return {VIDEO}?.readyState >= 2", "the cut-out in a player")
    assert page.script(f"return {VIDEO}.duration") == pytest.approx(duration_s, abs=0.1)
    page.play()
