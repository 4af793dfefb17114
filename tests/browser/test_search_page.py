"""The page that `find --html` writes, in a browser: filters, the player, and who can use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import axe
import pytest
from dashboard_browser import DashboardPage, missing_tools, open_browser
from player_page import black_then_white

from action_recognition.cli.main import main
from action_recognition.models.model_file import Model, save_model
from video_maker import MadeVideo

MakeVideo = Callable[..., MadeVideo]
WIDTHS = (390, 768, 1440)

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def browser() -> Iterator[DashboardPage]:
    if missing_tools():
        pytest.skip(f"not installed: {', '.join(missing_tools())}")
    with open_browser() as page:
        yield page


@pytest.fixture
def page(
    browser: DashboardPage, sharp_model: Model, make_video: MakeVideo, tmp_path: Path
) -> Iterator[DashboardPage]:
    """Of two videos, in one of which two moments follow each other."""
    save_model(sharp_model, tmp_path / "tiny.h5")
    videos = [
        make_video(name, seconds=seconds, pattern=black_then_white, size=(96, 64)).path
        for name, seconds in (("a film of somebody.mp4", 20), ("short.mp4", 6))
    ]
    command = ["find", *map(str, videos), "--html", str(tmp_path / "moments.html")]
    assert main([*command, "--model", str(tmp_path / "tiny.h5")]) == 0
    browser.driver.get((tmp_path / "moments.html").as_uri())
    yield browser
    browser.set_dark(False)


@pytest.mark.parametrize("dark", [False, True])
def test_everybody_can_use_it(page: DashboardPage, dark: bool) -> None:
    page.set_dark(dark)
    for width in WIDTHS:
        page.set_size(width, 900)
        assert axe.faults(page) == [], width
        assert page.script("return document.documentElement.scrollWidth <= innerWidth"), width
    page.script("document.querySelector('button.moment').click()")
    assert axe.faults(page) == []


def test_a_moment_is_played_from_its_start(page: DashboardPage) -> None:
    page.set_size(1440, 900)
    page.script("document.querySelectorAll('button.moment')[1].click()")
    start_s = page.script(
        "return Number(document.querySelectorAll('#moments li')[1].dataset.start)"
    )
    assert start_s > 5
    page.wait(
        f"return !video.seeking && video.readyState >= 2 && video.currentTime > {start_s} - 0.05",
        "the second moment",
    )
    assert page.script("return video.currentTime") < start_s + 5


def test_filters_leave_what_is_asked_for(page: DashboardPage) -> None:
    page.script("action.value = 'Reading'; action.dispatchEvent(new Event('change'))")
    shown = page.script(
        "return [...document.querySelectorAll('#moments li')].filter(e => !e.hidden)"
        ".map(e => e.dataset.action)"
    )
    assert shown == ["Reading", "Reading"]
