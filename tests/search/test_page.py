"""The page of moments: it holds everything, and no name can break it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from action_recognition.recognition.segmentation import Segment
from action_recognition.search.page import Card, address, moments_page

EVIL = '"><script>alert(1)</script>@ABOUT@\udce9\n.mp4'
PIXEL = "data:image/jpeg;base64,AAAA"


class Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [facts for name, facts in self.found if name == tag]


@pytest.fixture
def elements() -> Elements:
    run, none = Segment(12, 31.4, EVIL, EVIL, 0.875, 1), Segment(0, 12, None, "Sit", 0.4, 0.2)
    cards = [Card(EVIL, "a%20b.mp4", run, PIXEL), Card("x.zip/b.mp4", "", none)]
    page = moments_page(cards, "Running <b>, in 2 videos.")
    page.encode()
    return Elements(page)


def test_names_are_text(elements: Elements) -> None:
    assert len(elements.named("script")) == 1
    assert not elements.named("b")
    first, second = elements.named("li")
    assert (first["data-start"], first["data-end"]) == ("12.000", "31.400")
    assert first["data-href"] == "a%20b.mp4"
    assert "<script>" in str(first["data-action"])
    assert "\\udce9\\n" in str(first["data-file"])
    assert second["data-action"] == ""


def test_what_can_be_played_is_a_button_and_has_an_alternative_text(elements: Elements) -> None:
    assert sum(b.get("class") == "moment" for b in elements.named("button")) == 1
    (picture,) = elements.named("img")
    assert str(picture["alt"]).startswith("The frame at the middle of this moment of")
    assert picture["src"] == PIXEL


def test_nothing_is_loaded_from_elsewhere(elements: Elements) -> None:
    assert not elements.named("link")
    assert all("src" not in s for s in elements.named("script"))
    policy = next(m for m in elements.named("meta") if "http-equiv" in m)["content"]
    assert "default-src 'none'" in str(policy)


def test_links_are_relative(tmp_path: Path) -> None:
    page = tmp_path / "out" / "page.html"
    assert address(tmp_path / "films" / "a?#%.mp4", page) == "../films/a%3F%23%25.mp4"
    assert address(tmp_path / "out" / "\udce9.mp4", page) == "%E9.mp4"


def test_text_has_contrast_in_both_themes() -> None:
    style = (Path(moments_page.__code__.co_filename).parent / "page.css").read_text("utf-8")
    themes = re.findall(r":root \{([^}]*)\}", style)
    assert len(themes) == 2
    for theme in themes:
        colours = dict(re.findall(r"--(\w+): (#\w{6})", theme))
        for text in ("text", "soft"):
            for ground in ("ground", "card"):
                assert _contrast(colours[text], colours[ground]) >= 4.5
        assert _contrast(colours["line"], colours["card"]) >= 3


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, of two colours such as #ffffff."""
    lights = sorted(map(_luminance, (one, other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: str) -> float:
    levels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in levels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
