"""Files must be the section that a list means, and no longer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from action_recognition.datasets.manifest import Clip
from action_recognition.datasets.sections import Section, read_section, refuse_untrimmed
from action_recognition.errors import DataError
from video_maker import MadeVideo

CLIP = Clip(Path("a.mp4"), "A", "own", "a", "g", "train", duration_s=10.0)


@pytest.mark.parametrize(
    ("section", "refused"),
    [
        (Section(20, 30, "l.csv"), False),
        (Section(20, 40, "l.csv"), False),  # the video ended before
        (Section(20, 25, "l.csv"), True),
        (Section(0, 9, "l.csv"), True),
        (Section(0, 7, "l.csv", cut=True), False),  # from the key frame before
        (Section(0, 5, "l.csv", cut=True), True),
        (None, False),
    ],
)
def test_longer_files_are_refused(section: Section | None, refused: bool) -> None:
    (clip,) = refuse_untrimmed([CLIP], [section])
    assert (clip.split == "refused") == refused
    assert (
        clip.reason.startswith("the untrimmed video, 10.0 s long, of which l.csv means") == refused
    )


def test_a_file_of_unknown_length_is_opened(make_video: Callable[..., MadeVideo]) -> None:
    path = make_video("long.mp4", seconds=2.0).path
    clips = [replace(CLIP, path=path, duration_s=0.0)] * 2
    short, long = refuse_untrimmed(clips, [Section(0, 1, "l.csv"), Section(5, 7, "l.csv")])
    assert (short.split, long.split) == ("refused", "train")
    assert long.duration_s == pytest.approx(2.0, abs=0.1)
    gone = replace(CLIP, path=path.with_name("gone.mp4"), duration_s=0.0)
    assert refuse_untrimmed([gone], [Section(0, 1, "l.csv")]) == [gone]  # said elsewhere


@pytest.mark.parametrize(
    "names", [("time_start", "time_end"), ("start", "end"), ("start_s", "end_s")]
)
def test_columns_of_sections(names: tuple[str, str]) -> None:
    start, end = names
    assert read_section({start: "1.5", end: " 4"}, "l.csv", 2) == Section(1.5, 4, "l.csv")
    assert read_section({start: "1,5", end: "4,0"}, "l.csv", 2) == Section(1.5, 4, "l.csv")
    assert read_section({start: "", end: ""}, "l.csv", 2) is None
    assert read_section({"path": "a"}, "l.csv", 2) is None


@pytest.mark.parametrize("row", [("4", "1"), ("1", "1"), ("-1", "2"), ("a", "2"), ("nan", "2")])
def test_sections_that_are_none(row: tuple[str, str]) -> None:
    with pytest.raises(DataError, match=r"^l\.csv, line 7: start '.*' and end '.*' are no section"):
        read_section({"start": row[0], "end": row[1]}, "l.csv", 7)
