"""Words of the page: numbers for people, and foreign text that Markdown must not interpret."""

from __future__ import annotations

import pytest

from action_recognition.dashboard.formatting import (
    file_name,
    plain,
    time_span,
    video_facts,
)
from action_recognition.video import VideoInfo
from action_recognition.video.orientation import UPRIGHT


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("clip.mp4", "`clip.mp4`"),
        ("my *best* _clip_ $x$ [a](b) <b>.mp4", "`my *best* _clip_ $x$ [a](b) <b>.mp4`"),
        ("a`b``c.mp4", "``` a`b``c.mp4 ```"),
        ("two\nlines\x00.mp4", "`two lines .mp4`"),
        ("", "`video`"),
        ("\u202etxt.mp4", "`txt.mp4`"),  # would turn the text around
    ],
)
def test_file_names_are_shown_letter_for_letter(name: str, shown: str) -> None:
    assert file_name(name) == shown


def test_a_long_file_name_is_shortened_in_its_middle() -> None:
    shown = file_name("a" * 300 + ".mp4")
    assert len(shown) < 70
    assert shown.startswith("`aaa")
    assert shown.endswith(".mp4`")


def test_plain_text_is_not_markdown() -> None:
    assert plain("a_b *c* `d` [e](f) $g$ <h>") == r"a\_b \*c\* \`d\` \[e\](f) \$g\$ \<h\>"
    assert ":smile:" not in plain(":smile: :red[x]")
    assert plain("damaged: its header promises 2.0 s") == "damaged: its header promises 2.0 s"


def test_time_span() -> None:
    assert time_span(0, 1.5) == "0.0 to 1.5 s"


def test_video_facts() -> None:
    info = VideoInfo(
        duration_s=7.48, frame_rate=29.97, width=320, height=240, codec="h264",
        container="mov", orientation=UPRIGHT, has_audio=False,
    )  # fmt: skip
    shown = video_facts(info).replace("\N{MULTIPLICATION SIGN}", "x")
    assert shown == "7.5 s · 320 x 240 pixels · 30 frames/s · H.264 · no sound"
