"""Names of files and classes can hold anything: every page shows them as they are."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest
from visit import count_downloads, open_page, open_tab, predict, upload

from action_recognition.dashboard.batch import Batch, Found, Item, Row
from action_recognition.dashboard.formatting import download_stem, file_name, plain
from action_recognition.dashboard.media.camera import write_over
from action_recognition.dashboard.moment_table import Choice, as_csv
from action_recognition.dashboard.pages.details import DETAILS, FRAMES, TIMELINE
from action_recognition.dashboard.settings import MODEL_VARIABLE
from action_recognition.models.model_file import Model, save_model
from action_recognition.recognition.formats import segments_to_csv, segments_to_vtt, to_csv
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.segmentation import Segment
from video_maker import MadeVideo

CLASSES = (
    "=1+1\n\n00:00.000 --> 00:09.000 <c>**bold**</c>",
    "@sum $x^2$ :material/delete: [x](javascript:alert(1))",
    "-\x1b[31mred <img src=x onerror=alert(1)> www.evil.example",
)
# Of a model, whose names of classes have no control characters.
PRINTABLE = tuple("".join(c if c.isprintable() else " " for c in name) for name in CLASSES)
NAME = "=**b** $x$ :material/delete: [x](javascript:alert(1)) <img src=x> `c`.mp4"
# What Streamlit would make something else of, outside of a code span.
LIVE = re.compile(
    r"(?<!\\)\*\*b|(?<!\\)\$x|:material/delete:|(?<!\\)\[x\]|(?<!\\)<(?:img|c>)|www\.|\x1b|\n\n00"
)
SPAN = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")


@pytest.fixture
def page(tiny_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    path = tmp_path / "tiny.h5"
    save_model(replace(tiny_model, classes=PRINTABLE, temperature=0.3), path)
    monkeypatch.setenv(MODEL_VARIABLE, str(path))
    return open_page()


def live(page: AppTest) -> list[str]:
    """Texts of the page with something that is not shown as it is."""
    shown = (*page.markdown, *page.caption, *page.header, *page.error, *page.get("button_group"))
    texts = [str(getattr(e, "value", "")) for e in shown]
    texts += [o.content for e in page.get("button_group") for o in e.proto.options]
    return [text for text in texts if LIVE.search(SPAN.sub("", text))]


def test_the_page_recognize(
    page: AppTest, make_video: Callable[..., MadeVideo], monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(page, NAME, make_video(seconds=2).path.read_bytes())
    assert live(page) == []
    predict(page)
    assert page.header
    assert live(page) == []
    for tab in (TIMELINE, FRAMES, DETAILS):
        open_tab(page, tab)
        assert not page.exception
        assert not page.error
        assert live(page) == []
    offered = count_downloads(monkeypatch)
    page.run()
    vtt = next(str(text) for name, text in offered.items() if name.endswith(".vtt"))
    assert len(re.findall("-->", vtt)) == 1
    assert not any("\n" in name for name in offered)
    upload(page, NAME, b"no video")
    assert page.error
    assert live(page) == []


@pytest.mark.parametrize("name", ["many_videos", "live", "model"])
def test_the_other_pages(page: AppTest, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("action_recognition.dashboard.pages.live.find_spec", lambda _: None)
    function = "many" if name == "many_videos" else name
    module = f"action_recognition.dashboard.pages.{name}"
    other = AppTest.from_string(f"from {module} import {function}_page as p\np()").run()
    assert not other.exception
    assert live(other) == []


def test_tables_hold_no_formula(tiny_model: Model, make_video: Callable[..., MadeVideo]) -> None:
    model = replace(tiny_model, classes=PRINTABLE)
    answer = Recognizer(model).predict(make_video(seconds=1).path, name="=1.mp4")
    answer = replace(answer, file="=1.mp4")
    segment = Segment(0, 1, CLASSES[0], CLASSES[1], 0.9, 1.0)
    batch = Batch([Item.uploaded("\t=2.mp4", b"")])
    batch.take(Found((Row(segment),)))
    tables = (
        to_csv([answer]),
        "\n".join(segments_to_csv([segment])),
        as_csv(Choice().of(batch.done)),
    )
    for table in tables:
        cells = [cell for row in csv.reader(io.StringIO(table)) for cell in row]
        assert any(cell.startswith(("'=", "'@", "'-")) for cell in cells)
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_a_subtitle_is_one_block(tiny_model: Model) -> None:
    _, block = segments_to_vtt([Segment(0, 1, CLASSES[0], CLASSES[0], 0.9, 1.0)])
    span, text, end = block.split("\n")
    assert end == ""
    assert span == "00:00:00.000 --> 00:00:01.000"
    assert text == "=1+1 00:00.000 --&gt; 00:09.000 &lt;c&gt;**bold**&lt;/c&gt; 90.0 %"


@pytest.mark.parametrize("name", CLASSES)
def test_the_camera_writes_any_name(name: str) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    assert write_over(picture, name).shape == picture.shape


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("- a", "\\- a"),
        ("1. a", "1\\. a"),
        ("&lt;b&gt;", "\\&lt;b\\&gt;"),
        ("www.evil.example", "www\u200b.evil.example"),
        ("me@evil.example", "me@\u200bevil.example"),
        ("a\n\n# b", "a \\# b"),
    ],
)
def test_plain_text(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_names_have_one_line() -> None:
    assert file_name("a\n\n# b\x1b[31m.mp4") == "`a # b [31m.mp4`"
    assert download_stem("a\nb\x1b.mp4") == "a b"
