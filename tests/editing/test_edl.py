"""Edit decision lists."""

from __future__ import annotations

import re
from dataclasses import replace

from action_recognition.editing.edl import segments_to_edl
from action_recognition.recognition.segmentation import Segment
from action_recognition.video.info import VideoInfo
from action_recognition.video.orientation import UPRIGHT

INFO = VideoInfo(120, 30000 / 1001, 640, 480, "h264", "mp4", UPRIGHT, True)
EVENT = re.compile(r"\d{3}  \S{1,8} +(AA/V|V) +C +(\d\d:\d\d:\d\d[:;]\d\d ?){4}")
FALL = Segment(62.0, 69.0, "Falling on Floor", "Falling on Floor", 0.934, 1.0)


def test_moments_follow_one_another_and_have_names() -> None:
    segments = [Segment(2, 5, "Run", "Run", 0.9, 1.0), Segment(5, 62, None, "Run", 0.9, 0), FALL]
    lines = "\n".join(segments_to_edl(segments, INFO, "my film.mp4")).splitlines()
    assert lines[:3] == ["TITLE: my film", "FCM: DROP FRAME", ""]
    assert lines[8:12] == [
        "002  MYFILM   AA/V  C        00:01:02;00 00:01:09;00 01:00:03;00 01:00:10;00",
        "* FROM CLIP NAME: my film.mp4",
        "* LOC: 01:00:03;00 BLUE    Falling on Floor 93.4 %",
        "* COMMENT: Falling on Floor 93.4 %, 62.0 to 69.0 s",
    ]
    events = [line for line in lines if line[:3].isdigit()]
    assert len(events) == 2
    assert all(EVENT.fullmatch(event) for event in events)


def test_the_source_counts_from_the_first_frame() -> None:
    info = replace(INFO, frame_rate=25, start_s=1.0, has_audio=False)
    (event,) = [x for x in segments_to_edl([FALL], info, "a.mp4") if x[:3] == "001"]
    assert event == "001  A        V     C        00:01:01:00 00:01:08:00 01:00:00:00 01:00:07:00"


def test_names_stay_on_their_line_and_events_within_three_digits() -> None:
    many = [Segment(k, k + 1, "a\nb\udce9", "a", 0.9, 1.0) for k in range(1200)]
    text = "\n".join(segments_to_edl(many, INFO, "x\ny.mp4"))
    text.encode()
    assert "* FROM CLIP NAME: x y.mp4" in text
    assert len(re.findall(r"(?m)^\d{3} ", text)) == 999


def test_the_timecode_of_the_camera_is_kept() -> None:
    info = replace(INFO, frame_rate=25, timecode="10:30:00:12")
    (event,) = [x for x in segments_to_edl([FALL], info, "a.mp4") if x[:3] == "001"]
    assert event[29:52] == "10:31:02:12 10:31:09:12"
    whole_numbers = replace(INFO, timecode="10:30:00:00")  # 29.97, but none is dropped
    lines = list(segments_to_edl([FALL], whole_numbers, "a.mp4"))
    assert lines[1] == "FCM: NON-DROP FRAME\n"
    assert "10:31:01:28" in lines[2]
    assert replace(INFO, timecode="99:99:99:99\n").timecode == ""  # a file can hold anything
