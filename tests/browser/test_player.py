"""The player of a video's moments, in a real browser: seeking, keys, what plays, zoom, widths."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("streamlit")

from dashboard_browser import DashboardPage
from player_page import CHANGE_S, PLAYER, answered, black_then_white

from video_maker import Image, MadeVideo

MakeVideo = Callable[..., MadeVideo]

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def film(page: DashboardPage, make_video: MakeVideo) -> DashboardPage:
    """The answer for a film of two moments."""
    return answered(page, make_video("two.mp4", seconds=20, pattern=black_then_white).path)


def start_of(page: DashboardPage, moment: int) -> float:
    """When a moment begins, as the server told it."""
    return float(page.script(f"{PLAYER} return root.player.data.moments[{moment}].start"))


SEEKS = (
    f"{PLAYER} video.addEventListener('seeking', () => window.sought = video.currentTime,"
    " { once: true });"
)


def test_a_click_on_a_row_seeks_to_its_exact_start(film: DashboardPage) -> None:
    start_s = start_of(film, 1)
    assert start_s == pytest.approx(CHANGE_S, abs=0.6)
    assert film.script("return document.querySelector('h2').innerText") == "2 moments"
    film.script(f"{SEEKS} rows[1].click()")
    film.wait("return window.sought !== undefined", "the seek")
    assert film.script("return window.sought") == pytest.approx(start_s, abs=0.05)
    film.wait(f"{PLAYER} return rows[1].classList.contains('playing')", "the row that plays")
    assert not film.script(f"{PLAYER} return rows[0].classList.contains('playing')")
    told = film.script(f"{PLAYER} return root.querySelector('.told').innerText")
    assert told.startswith("Moment 2 of 2: ")
    film.wait("return document.querySelector('h3')?.innerText.includes('to 0:20.0')", "evidence")


def test_a_click_on_the_chart_seeks(film: DashboardPage) -> None:
    film.script(
        f"{SEEKS} const canvas = root.querySelector('canvas'),"
        " box = canvas.getBoundingClientRect();"
        "canvas.dispatchEvent(new MouseEvent('click', { clientX: box.left + 0.9 * box.width }))"
    )
    film.wait("return window.sought !== undefined", "the seek")
    assert film.script("return window.sought") == pytest.approx(start_of(film, 1), abs=0.05)


def test_keys_go_to_the_next_moment_and_back(film: DashboardPage) -> None:
    key = (
        f"{PLAYER} rows[0].focus(); rows[0].dispatchEvent("
        "new KeyboardEvent('keydown', { key: arguments[0], bubbles: true }))"
    )
    chosen = f"{PLAYER} return rows.findIndex(r => r.hasAttribute('aria-current'))"
    film.script(key, "n")
    assert film.script(chosen) == 1
    film.script(key, "n")  # there is no further one
    assert film.script(chosen) == 1
    film.script(key, "p")
    assert film.script(chosen) == 0


def test_the_row_lights_up_as_the_film_plays(film: DashboardPage) -> None:
    film.script(
        f"{PLAYER} video.currentTime = arguments[0]; video.muted = true; video.play()",
        start_of(film, 1) - 0.5,
    )
    film.wait(f"{PLAYER} return rows[1].classList.contains('playing')", "the second row")


def test_the_bytes_are_fetched_once(film: DashboardPage) -> None:
    url = film.script(f"{PLAYER} return video.currentSrc")
    for moment in (1, 0, 1):
        film.script(f"{PLAYER} rows[{moment}].click()")
        film.settle()
    assert film.script(f"{PLAYER} return video.currentSrc") == url
    count = "return performance.getEntriesByType('resource').filter(e => e.name === arguments[0])"
    sizes = film.script(f"{count}.map(e => e.transferSize)", url)
    assert len(sizes) <= 2  # a range for the head of the file, and the rest


def test_zoom(film: DashboardPage) -> None:
    seconds = f"{PLAYER} const p = root.player; return p.scroll.clientWidth / p.scale()"
    assert film.script(seconds) == pytest.approx(20, abs=0.1)
    film.script(f"{PLAYER} for (const _ of [1, 2]) root.querySelector('.closer').click()")
    assert film.script(seconds) == pytest.approx(5, abs=0.1)
    film.script(f"{PLAYER} root.querySelector('.whole').click()")
    assert film.script(seconds) == pytest.approx(20, abs=0.1)


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_overflows(film: DashboardPage, width: int) -> None:
    film.set_size(width, 900)
    film.settle()
    assert film.overflow() == []
    sides = film.script(f"{PLAYER} return [root.scrollWidth, root.clientWidth]")
    assert sides[0] <= sides[1]


def test_a_long_video_that_is_converted_plays_beyond_its_first_minute(
    page: DashboardPage, make_video: MakeVideo
) -> None:
    def late(index: int, time_s: float, width: int, height: int) -> Image:
        return np.full((height, width, 3), 0 if time_s < 80 else 255, dtype=np.uint8)

    answered(page, make_video("long.avi", seconds=100, fps=5, pattern=late).path)
    page.script(f"{PLAYER} rows[1].click()")
    page.wait(_WHITE, "a white picture in the player: the second moment")


_WHITE = f"""
{PLAYER}
if (!(video?.readyState >= 2)) return false;
video.muted = true; video.play();
const c = document.createElement('canvas'); c.width = c.height = 8;
const pen = c.getContext('2d'); pen.drawImage(video, 0, 0, 8, 8);
return pen.getImageData(4, 4, 1, 1).data[0] > 200 && video.duration > 15;
"""
