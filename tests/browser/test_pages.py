"""The further pages in a real browser: timeline, downloads, many videos, camera, narrow screens."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("streamlit")

from dashboard_browser import DashboardPage
from selenium.webdriver.common.action_chains import ActionChains

from video_maker import Image as Pixels
from video_maker import MadeVideo

MakeVideo = Callable[..., MadeVideo]
CHANGE_S = 6.0
PAGES = ("", "many", "live", "model")

pytestmark = pytest.mark.browser


def test_a_click_on_a_row_of_the_timeline_seeks(
    page: DashboardPage, downloads: Path, make_video: MakeVideo
) -> None:
    page.upload(make_video("two.mp4", seconds=12, pattern=_black_then_white).path)
    page.wait_for_preview()
    page.predict()
    page.click("Timeline")
    players = "const v = [...document.querySelectorAll('[data-testid=stVideo]')].at(-1);"
    table = "document.querySelector('[data-testid=stDataFrame] canvas')"
    page.wait(f"{players} return Boolean({table}) && v?.readyState >= 2", "the timeline")
    page.settle()
    assert page.script(f"{players} return v.currentTime") < 1
    lines = page.download("CSV", downloads).read_text().splitlines()
    starts = [float(row["start_s"]) for row in csv.DictReader(lines)]
    assert starts == [0.0, pytest.approx(CHANGE_S, abs=0.5)]
    _click_row(page, 1)
    page.wait(
        f"{players} return v?.readyState >= 2 && Math.abs(v.currentTime - {starts[1]}) < 1",
        "the second segment in the player",
    )


def test_a_long_video_that_is_converted_plays_beyond_its_first_minute(
    page: DashboardPage, make_video: MakeVideo
) -> None:
    def late(index: int, time_s: float, width: int, height: int) -> Pixels:
        return np.full((height, width, 3), 0 if time_s < 80 else 255, dtype=np.uint8)

    page.upload(make_video("long.avi", seconds=100, fps=5, pattern=late).path)
    page.wait_for_preview()
    page.predict()
    page.click("Timeline")
    page.wait("return document.querySelector('[data-testid=stDataFrame] canvas')", "the table")
    page.settle()
    _click_row(page, 1)
    page.wait(_WHITE, "a white picture in the player: the second segment")


_WHITE = """
const v = [...document.querySelectorAll('[data-testid=stVideo]')].at(-1);
if (!(v?.readyState >= 2)) return false;
v.muted = true; v.play();
const c = document.createElement('canvas'); c.width = c.height = 8;
const pen = c.getContext('2d'); pen.drawImage(v, 0, 0, 8, 8);
return pen.getImageData(4, 4, 1, 1).data[0] > 200 && v.duration > 15;
"""


def _click_row(page: DashboardPage, number: int) -> None:
    """Clicks the box before a row of the table."""
    grid = page.driver.find_element("css selector", "[data-testid=stDataFrame] canvas")
    page.script("arguments[0].scrollIntoView({block: 'center'})", grid)
    across = 16 - grid.size["width"] // 2
    down = 35 + 35 * number + 17 - grid.size["height"] // 2
    ActionChains(page.driver).move_to_element_with_offset(grid, across, down).click().perform()


def test_downloads_open(page: DashboardPage, downloads: Path, make_video: MakeVideo) -> None:
    page.upload(make_video("my clip.mp4", seconds=2).path)
    page.wait_for_preview()
    action = page.predict()
    page.click("Details")
    facts = json.loads(page.download("JSON", downloads).read_text())
    assert facts["action"] == action
    (row,) = csv.DictReader(io.StringIO(page.download("CSV", downloads).read_text()))
    assert (row["file"], row["action"]) == ("my clip.mp4", action)
    assert page.download("Subtitles", downloads).read_text().startswith("WEBVTT")
    picture = page.download("Picture", downloads)
    assert picture.name == "my clip.png"
    assert Image.open(picture).size[0] == 1200


def test_many_videos(
    page: DashboardPage, address: str, downloads: Path, make_video: MakeVideo, tmp_path: Path
) -> None:
    page.open(address, "many")
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    page.upload(make_video("a.mp4").path, tmp_path / "bad.mp4", make_video("b.avi").path)
    page.wait("return document.body.innerText.includes('b.avi')", "the uploads")
    page.click("Recognize all")
    page.wait("return document.body.innerText.includes('3 of 3 done.')", "the end")
    text = page.download("CSV of the rows shown", downloads).read_text()
    rows = {row["file"]: row for row in csv.DictReader(io.StringIO(text))}
    assert set(rows) == {"a.mp4", "bad.mp4", "b.avi"}
    assert rows["a.mp4"]["action"]
    assert "not a video file" in rows["bad.mp4"]["error"]


@pytest.mark.parametrize("size", [(390, 844), (1280, 720)])
def test_the_camera_comes_back_with_an_answer(
    page: DashboardPage, address: str, size: tuple[int, int]
) -> None:
    pytest.importorskip("streamlit_webrtc")
    page.set_size(*size)
    page.open(address, "live")
    page.wait("return document.querySelector('iframe') !== null", "the camera's frame")
    page.driver.switch_to.frame(page.driver.find_element("css selector", "iframe"))
    try:
        page.click("START")
        video = "document.querySelector('video')"
        page.wait(f"return {video}?.readyState >= 2 && {video}.currentTime > 1", "the picture")
        page.wait(_BRIGHT_TEXT, "an answer in the bar below the picture")
        assert "STOP" in page.text()
        below = page.script("return document.body.getBoundingClientRect().height")
    finally:
        page.driver.switch_to.default_content()
    top = page.script("return document.querySelector('iframe').getBoundingClientRect().top")
    assert top + below <= size[1], "the button STOP is not in view"


# The browser's own camera is green and yellow; the bar is dark, and the text in it white.
_BRIGHT_TEXT = """
const v = document.querySelector('video'), c = document.createElement('canvas');
c.width = v.videoWidth; c.height = v.videoHeight;
const pen = c.getContext('2d'); pen.drawImage(v, 0, 0);
const bar = Math.round(0.09 * c.height);
const d = pen.getImageData(0, c.height - bar, c.width, bar).data;
let white = 0;
for (let k = 0; k < d.length; k += 4) white += Math.min(d[k], d[k + 1], d[k + 2]) > 200;
return white > 50;
"""


def test_nothing_overflows_a_narrow_screen(
    page: DashboardPage, address: str, make_video: MakeVideo
) -> None:
    page.set_size(390, 844)
    for name in PAGES:
        page.open(address, name)
        assert page.overflow() == [], name
    page.open(address)
    page.upload(make_video("clip.mp4", seconds=6, size=(96, 64)).path)
    page.wait_for_preview()
    page.predict()
    for tab in ("Evidence", "Timeline", "Frames", "Details"):
        page.click(tab)
        page.settle()
        assert page.overflow() == [], tab


def _black_then_white(index: int, time_s: float, width: int, height: int) -> Pixels:
    return np.full((height, width, 3), 0 if time_s < CHANGE_S else 255, dtype=np.uint8)
