"""axe-core finds nothing serious on any page, in both themes; nor by hand what it cannot see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

pytest.importorskip("streamlit")

import axe
from dashboard_browser import DashboardPage
from player_page import answered, black_then_white

from video_maker import MadeVideo

MakeVideo = Callable[..., MadeVideo]

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(params=["light", "dark"])
def themed(
    page: DashboardPage, address: str, request: pytest.FixtureRequest
) -> Iterator[DashboardPage]:
    page.set_dark(request.param == "dark")
    page.open(address)
    yield page
    page.set_dark(False)


def faults(page: DashboardPage) -> list[str]:
    """What axe-core finds once the page is drawn to its end."""
    page.settle()
    return axe.faults(page)


@pytest.mark.parametrize("name", ["", "many", "live", "classes", "model"])
def test_each_page(themed: DashboardPage, address: str, name: str) -> None:
    themed.open(address, name)
    assert faults(themed) == []


def test_an_answer_with_all_its_tabs(themed: DashboardPage, make_video: MakeVideo) -> None:
    themed.upload(make_video("clip.mp4", seconds=6, size=(96, 64)).path)
    themed.wait_for_preview()
    themed.predict()
    found = {"answer": faults(themed)}
    for tab in ("Evidence", "Timeline", "Frames", "Details"):
        themed.click(tab)
        found[tab] = faults(themed)
    assert found == {tab: [] for tab in found}


def test_a_film_and_its_player(themed: DashboardPage, make_video: MakeVideo) -> None:
    answered(themed, make_video("two.mp4", seconds=20, pattern=black_then_white).path)
    assert faults(themed) == []
    assert "0:00-0:0" in said(themed)


def test_the_answer_is_said(page: DashboardPage, make_video: MakeVideo) -> None:
    page.upload(make_video("clip.mp4", seconds=3).path)
    page.wait_for_preview()
    page.settle()
    assert said(page) == ""
    action = page.predict()
    assert action in said(page)


def said(page: DashboardPage) -> str:
    """What the live region of the page holds."""
    return str(
        page.script(
            "return [...document.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean)"
            ".map(r => r.querySelector('p[role=status]:not(.told)')).find(Boolean).textContent"
        )
    )


def test_headings_are_in_order(page: DashboardPage, make_video: MakeVideo) -> None:
    page.upload(make_video("clip.mp4", seconds=6, size=(96, 64)).path)
    page.wait_for_preview()
    page.predict()
    levels = page.script(
        "return [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => Number(h.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
