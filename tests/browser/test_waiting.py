"""What visitors see in a real browser while the network works, and what they can do meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from dashboard_browser import DashboardPage, missing_tools, running_dashboard

from action_recognition.models.model_file import Model, save_model
from video_maker import MadeVideo, time_grey

MakeVideo = Callable[..., MadeVideo]
Gated = tuple[str, Path]
SIZES = ((96, 64), (64, 96), (80, 80))  # one a visitor

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def gated(sharp_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gated]:
    """Address of a dashboard whose network waits, and the file that it waits for."""
    if missing_tools():
        pytest.skip(f"not installed: {', '.join(missing_tools())}")
    folder = tmp_path_factory.mktemp("gated")
    save_model(sharp_model, folder / "tiny.h5")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GATE", str(folder / "gate"))
        script = "tests/browser/gated_dashboard.py"
        with running_dashboard(folder / "tiny.h5", script=script) as address:
            yield address, folder / "gate"


@pytest.fixture
def gate(gated: Gated) -> Iterator[Path]:
    """The file, not there yet; at the end it is, so that nothing waits into the next test."""
    gate = gated[1]
    gate.unlink(missing_ok=True)
    gate.with_suffix(".begun").unlink(missing_ok=True)
    yield gate
    gate.touch()


def test_visitors_at_once_see_their_place_in_line_and_then_their_own_answers(
    page: DashboardPage, gated: Gated, gate: Path, make_video: MakeVideo
) -> None:
    driver = page.driver
    before, tabs = driver.current_window_handle, []
    try:
        for k, size in enumerate(SIZES):
            driver.switch_to.new_window("tab")
            tabs.append(driver.current_window_handle)
            page.open(gated[0])
            pattern = {"pattern": time_grey} if k % 2 else {}
            page.upload(make_video(f"{k}.mp4", seconds=1 + k, size=size, **pattern).path)
            page.wait_for_preview()
        for k, tab in enumerate(tabs):
            driver.switch_to.window(tab)
            page.click("Predict")
            if k:
                videos = "1 video is" if k == 1 else f"{k} videos are"
                _wait_for(page, f"Waiting in line: {videos} ahead of yours.")
            else:
                _wait_for(page, "Your video is next.")
        gate.touch()
        for k, tab in enumerate(tabs):
            driver.switch_to.window(tab)
            page.answer()
            text = page.text().replace("\N{MULTIPLICATION SIGN}", "x")
            for other, (width, height) in enumerate(SIZES):
                assert (f"{1 + other}.0 s · {width} x {height} pixels" in text) == (other == k)
        assert _begun(gate) == [f"{k}.mp4" for k in range(len(SIZES))]
    finally:
        for tab in tabs:
            driver.switch_to.window(tab)
            driver.close()
        driver.switch_to.window(before)


def test_leaving_the_page_and_clicking_twice_keeps_the_video_and_the_answer(
    page: DashboardPage, gated: Gated, gate: Path, make_video: MakeVideo
) -> None:
    page.open(gated[0])
    page.upload(make_video("mine.mp4", seconds=2, size=(96, 64)).path)
    page.wait_for_preview()
    page.click("Predict")
    page.click("Predict")
    _wait_for(page, "Your video is next.")
    page.click("Model")
    _wait_for(page, "What it knows")
    page.settle()
    page.click("Recognize")
    _wait_for(page, "Still here from before: mine.mp4")
    gate.touch()
    page.answer()
    assert _begun(gate) == ["mine.mp4"]


def test_many_videos_can_be_stopped(
    page: DashboardPage, gated: Gated, gate: Path, make_video: MakeVideo
) -> None:
    page.open(gated[0], "many")
    page.upload(*(make_video(f"{k}.mp4", seconds=1 + k).path for k in range(3)))
    _wait_for(page, "2.mp4")
    page.click("Recognize all")
    _wait_for(page, "0 of 3 done")
    page.click("Stop")
    _wait_for(page, "0 of 3 done, then stopped.")
    gate.touch()
    page.settle()
    page.click("Recognize all")  # it can be begun anew
    _wait_for(page, "3 of 3 done.")
    assert sorted(_begun(gate)) == ["0.mp4", "1.mp4", "2.mp4"]  # the first one only once


def _wait_for(page: DashboardPage, text: str) -> None:
    page.wait("return document.body.innerText.includes(arguments[0])", text, text)


def _begun(gate: Path) -> list[str]:
    return gate.with_suffix(".begun").read_text().splitlines()
