"""The dashboard in a real browser: what a visitor uploads plays, and Predict answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest

pytest.importorskip("streamlit")

from dashboard_browser import DashboardPage
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from action_recognition.models.model_file import Model
from video_maker import MadeVideo, time_grey

MakeVideo = Callable[..., MadeVideo]

pytestmark = pytest.mark.browser


def test_upload_play_and_predict(
    page: DashboardPage, make_video: MakeVideo, sharp_model: Model, tmp_path: Path
) -> None:
    xvid = make_video("clip.avi", seconds=3, size=(96, 64), tag="XVID").path
    with av.open(str(xvid)) as file:
        assert file.streams.video[0].codec_context.codec_tag == "XVID"
    for video in (make_video("clip.mp4", seconds=3, size=(96, 64)).path, xvid):
        page.upload(video)
        assert page.wait_for_preview() >= 2
        assert page.play() > 0.1
        assert page.predict() in sharp_model.classes
    bad = tmp_path / "bad_*file*.mp4"
    bad.write_bytes(b"This is no video. " * 50)
    page.upload(bad)
    assert page.error().startswith("bad_*file*.mp4: it is not a video file")


def test_the_browser_has_nothing_to_complain_about(
    page: DashboardPage, address: str, make_video: MakeVideo, sharp_model: Model
) -> None:
    """Least of all that the headers forbid what the page needs."""
    page.complaints()
    page.open(address)
    page.upload(make_video("clip.mp4", seconds=3, size=(96, 64)).path)
    page.wait_for_preview()
    assert page.predict() in sharp_model.classes
    for tab in ("Timeline", "Frames", "Details"):
        page.click(tab)
        page.settle()
    # By its link: opened by its address, Streamlit first looks for itself below it, in vain.
    for name in ("Many videos", "Live", "Your classes", "Model"):
        page.click(name)
        title = "document.querySelector('h1')?.innerText"
        page.wait(f"return {title} === arguments[0]", name, name)
        page.settle()
    drawn = "document.querySelector('[data-testid=stGraphVizChart] svg g') !== null"
    page.wait(f"return {drawn}", "the drawing of the network")
    # Besides, a film that is taken off the page while it loads can be told of as missing.
    assert [c for c in page.complaints() if "/media/" not in c] == []


def test_two_visitors_at_once_see_their_own_answers(
    page: DashboardPage, address: str, make_video: MakeVideo
) -> None:
    driver, first = page.driver, page.driver.current_window_handle
    page.upload(make_video("mine.mp4", seconds=2, size=(96, 64)).path)
    page.wait_for_preview()
    driver.switch_to.new_window("tab")
    second = driver.current_window_handle
    try:
        page.open(address)
        assert "mine.mp4" not in page.text()
        page.upload(make_video("yours.mp4", seconds=4, size=(64, 96), pattern=time_grey).path)
        page.wait_for_preview()
        for handle in (second, first):
            driver.switch_to.window(handle)
            page.click("Predict")
        facts = {}
        for handle in (second, first):
            driver.switch_to.window(handle)
            page.answer()
            facts[handle] = page.text().replace("\N{MULTIPLICATION SIGN}", "x")
        assert "2.0 s · 96 x 64 pixels" in facts[first]
        assert "4.0 s · 64 x 96 pixels" in facts[second]
        assert "64 x 96" not in facts[first]
        assert "96 x 64" not in facts[second]
    finally:
        driver.switch_to.window(second)
        driver.close()
        driver.switch_to.window(first)


def test_the_keyboard_is_enough(page: DashboardPage, sharp_model: Model) -> None:
    _tab_to(page, "News reader", Keys.TAB)
    ActionChains(page.driver).send_keys(Keys.ENTER).perform()
    page.wait_for_preview()
    _tab_to(page, "Predict", Keys.TAB)
    ActionChains(page.driver).send_keys(Keys.ENTER).perform()
    assert page.answer() in sharp_model.classes


def _tab_to(page: DashboardPage, label: str, key: str) -> None:
    for _ in range(40):
        ActionChains(page.driver).send_keys(key).perform()
        focused = page.script("return document.activeElement.innerText") or ""
        if focused.strip() == label:
            return
    raise AssertionError(f"{label} cannot be reached with the tabulator key")
