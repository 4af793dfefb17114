"""The tabs below the answer: evidence, timeline, frames, details."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest
from visit import (
    CLASSES,
    bars,
    count_calls,
    count_downloads,
    open_tab,
    played,
    predict,
    shown_text,
    upload,
)

from action_recognition.dashboard.pages.details import (
    CORRECT,
    DETAILS,
    EVIDENCE,
    FRAMES,
    TIMELINE,
)
from action_recognition.dashboard.player.course import NONE_OF_THESE
from action_recognition.recognition.recognizer import Recognizer
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # the whole file: some seconds

MakeVideo = Callable[..., MadeVideo]


@pytest.mark.slow
@pytest.mark.parametrize("tab", [EVIDENCE, FRAMES])
def test_another_clip_can_be_chosen(page: AppTest, make_video: MakeVideo, tab: str) -> None:
    predict(upload(page, "clip.mp4", make_video("clip.mp4", seconds=8).path.read_bytes()))
    open_tab(page, tab)
    (choice,) = page.get("segmented_control")
    assert choice.options[0] == "0.0 to 0.3 s"
    assert choice.options[4] == "7.6 to 7.9 s"
    assert page.get("image")[-1].proto.imgs[0].caption == "0.00 s"
    choice.set_value(4).run()
    assert not page.exception
    assert page.get("image")[-1].proto.imgs[0].caption == "7.60 s"


@pytest.mark.slow
def test_frames_are_those_that_the_network_saw(page: AppTest, make_video: MakeVideo) -> None:
    predict(upload(page, "clip.mp4", make_video("clip.mp4", seconds=8).path.read_bytes()))
    text = shown_text(open_tab(page, FRAMES))
    assert "4 of the 4 frames of this clip" in text
    assert "32 x 32 pixels" in text
    assert "The answer is the average over all clips." in text


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "frames", "shown"), [(6, 60, 8), (1, 10, 8), (0.1, 1, 1)])
def test_a_short_video_is_one_clip_of_any_length(
    page: AppTest, make_video: MakeVideo, seconds: float, frames: int, shown: int
) -> None:
    predict(upload(page, "clip.mp4", make_video("clip.mp4", seconds=seconds).path.read_bytes()))
    assert not page.exception
    assert not page.error
    assert not page.get("segmented_control")
    assert len(page.get("image")[-1].proto.imgs) == shown  # evidence
    text = shown_text(open_tab(page, FRAMES))
    assert f"{shown} of the {frames} frames of the video" in text
    assert len(page.get("image")[-1].proto.imgs) == shown
    open_tab(page, DETAILS)
    assert not page.exception
    assert len(page.get("download_button")) == 4


def test_evidence_of_another_action_and_nothing_twice(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = count_calls(monkeypatch, Recognizer, "explain")
    predict(upload(page, "clip.mp4", make_video("clip.mp4", seconds=1).path.read_bytes()))
    (choice,) = page.selectbox
    assert choice.options == bars(page)
    assert choice.value == page.header[0].value
    for action in (choice.options[1], choice.options[0], choice.options[1]):
        choice.set_value(action).run()
        assert not page.exception
        assert f"the score of {action} " in shown_text(
            page
        ) or f"speaks for {action}" in shown_text(page)
    assert len(maps) == 2


@pytest.mark.slow
def test_timeline_is_computed_once_and_covers_the_video(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = count_calls(monkeypatch, Recognizer, "moments")
    predict(upload(page, "clip.mp4", make_video("clip.mp4", seconds=5).path.read_bytes()))
    assert not computed  # not before the tab is open
    for _ in range(2):
        open_tab(page, TIMELINE)
        assert not page.exception
        moments = played(page)["moments"]
        assert moments[0]["start"] == 0
        assert moments[-1]["end"] == 5
        assert {m["label"] for m in moments} <= {*CLASSES, NONE_OF_THESE}
        assert page.pills[-1].label == "Take away"
        open_tab(page, FRAMES)
    assert len(computed) == 1


def test_a_film_is_answered_by_its_moments(page: AppTest, make_video: MakeVideo) -> None:
    made = make_video("long.mp4", seconds=130, fps=2)
    predict(upload(page, "long.mp4", made.path.read_bytes()))
    known = [m for m in played(page)["moments"] if m["known"]]
    assert played(page)["moments"][-1]["end"] == 130
    assert page.header[0].value == f"{len(known)} moment" + "s" * (len(known) != 1)
    assert "0:00-2:10" in shown_text(page) or len(known) > 1
    assert not page.get("video")  # the player shows it
    assert [tab.label for tab in page.tabs] == [EVIDENCE, CORRECT, FRAMES, DETAILS]
    assert "to 2:10.0: " in page.subheader[0].value or len(known) > 1


@pytest.mark.slow
def test_details_and_downloads(page: AppTest, make_video: MakeVideo) -> None:
    predict(upload(page, "my clip.mp4", make_video("c.mp4", seconds=1).path.read_bytes()))
    open_tab(page, DETAILS)
    assert not page.exception
    (shares,) = (frame.value for frame in page.dataframe)
    assert list(shares["Action"]) == bars(page)
    assert shares["Probability"].sum() == pytest.approx(1)
    values = page.table[0].value["Value"]
    assert values["Length"] == "1.00 s"
    assert values["Frame rate"] == "25 frames/s"
    assert values["Codec, container"] == "H.264, MP4 or MOV"
    assert values["Model"].startswith("3D CNN → LSTM → GRU → dense layer, 3 classes, ")
    assert [b.proto.label for b in page.get("download_button")] == [
        "JSON",
        "CSV",
        "Subtitles",
        "Picture",
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "stem",
    [
        "<img src=x onerror=alert(1)>",
        "\u0432\u0438\u0434\u0435\u043e \u65e5\u672c \U0001f3ac",
        "=1+1",
        "x" * 250,
        'a "quoted", name',
    ],
)
def test_downloads_open_whatever_the_file_is_called(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch, stem: str
) -> None:
    offered = count_downloads(monkeypatch)
    name = f"{stem}.mp4"
    predict(upload(page, name, make_video("c.mp4", seconds=1).path.read_bytes()))
    assert not page.error
    open_tab(page, DETAILS)
    assert not page.exception
    action = page.header[0].value
    files = {Path(name).suffix: content for name, content in offered.items()}
    facts = json.loads(files[".json"])
    assert (facts["file"], facts["action"]) == (name, action)
    (row,) = csv.DictReader(io.StringIO(str(files[".csv"])))
    assert (row["file"].removeprefix("'"), row["action"]) == (name, action)
    blocks = str(files[".vtt"]).strip().split("\n\n")
    assert blocks[0] == "WEBVTT"
    assert blocks[1].startswith(f"00:00:00.000 --> 00:00:01.000\n{action} ")
    assert Image.open(io.BytesIO(bytes(files[".png"]))).size[0] == 1200
    assert set(offered) == {f"{stem[:60]}{ending}" for ending in files}
