"""The further pages in a real browser: timeline, downloads, many videos, camera, narrow screens."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("streamlit")

from dashboard_browser import DashboardPage

from video_maker import MadeVideo

MakeVideo = Callable[..., MadeVideo]
PAGES = ("", "many", "live", "model")

pytestmark = pytest.mark.browser


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
