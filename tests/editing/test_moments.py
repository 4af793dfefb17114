"""When moments begin and end, and how their files are called."""

from __future__ import annotations

import pytest

from action_recognition.editing.moments import file_name, parse_span, widen
from action_recognition.errors import UsageError
from action_recognition.recognition.segmentation import Segment

SEGMENTS = [
    Segment(0.0, 2.0, "Run", "Run", 0.9, 1.0),
    Segment(2.0, 5.0, None, "Run", 0.9, 0.1),
    Segment(5.0, 9.0, "Jump", "Jump", 0.6, 1.0),
]


def test_a_margin_stays_within_the_video() -> None:
    spans = [(s.start_s, s.end_s) for s in widen(SEGMENTS, 1.0, end_s=9.5)]
    assert spans == [(0.0, 3.0), (1.0, 6.0), (4.0, 9.5)]


def test_a_moment_ends_with_the_video() -> None:
    """Guards: the file of a moment was named after a time that the video does not reach."""
    (cut,) = widen([Segment(9.0, 30.0, None, "", 0.0, 0.0)], 0.0, end_s=12.0)
    assert (cut.start_s, cut.end_s) == (9.0, 12.0)


@pytest.mark.parametrize("text", ["", "5", "5-", "9-5", "5-5", "a-b", "-1-5", "nan-5", "1e3-2e3"])
def test_a_moment_that_is_none_is_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match=r"a moment (is given as START-END|must end)"):
        parse_span(text)


@pytest.mark.parametrize(
    ("video", "action", "name"),
    [
        ("a/b/film.mp4", "Run", "film-0001.0-0002.0-Run.mp4"),
        ("film.mp4", None, "film-0001.0-0002.0.mp4"),
        ('we:i<r>d"|?*.mp4', "a/b\\c", "we-i-r-d-0001.0-0002.0-a-b-c.mp4"),
        (".mp4", "Run", "mp4-0001.0-0002.0-Run.mp4"),
        ("CON.mp4", "Run", "CON-0001.0-0002.0-Run.mp4"),
        ("caf\u00e9\udce9.mp4", "\u8dd1", "caf\u00e9-0001.0-0002.0-\u8dd1.mp4"),
    ],
)
def test_names_that_every_system_takes(video: str, action: str | None, name: str) -> None:
    assert file_name(video, Segment(1, 2, action, action or "Run", 0.9, 1.0), "mp4") == name


def test_long_names_are_cut() -> None:
    name = file_name("\u8dd1" * 200, Segment(1, 2, "\u8dd1" * 100, "\u8dd1", 0.9, 1.0), "mp4")
    assert len(name.encode()) <= 240
    assert name.endswith(".mp4")


def test_an_unsure_moment_is_named_by_its_two_nearest_actions() -> None:
    unsure = Segment(1.0, 2.0, "Run", "Run", 0.4, 1.0, "Walk", 0.3)
    assert file_name("film.mp4", unsure, "mp4") == "film-0001.0-0002.0-Unsure-Run-or-Walk.mp4"
