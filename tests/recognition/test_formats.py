"""Answers as JSON, CSV and subtitles."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from action_recognition.recognition.formats import (
    as_utf8,
    dump_json,
    segments_to_csv,
    segments_to_vtt,
    spreadsheet_text,
    to_csv,
    to_json,
)
from action_recognition.recognition.results import Prediction, Timings
from action_recognition.recognition.segmentation import Segment
from action_recognition.video import VideoInfo
from action_recognition.video.orientation import UPRIGHT

INFO = VideoInfo(2.0, 25.0, 64, 48, "h264", "mov", UPRIGHT, False)
FIRST = Prediction(
    "Kuchen, süß.mp4",
    (("Walk", 0.75), ("Run", 0.25)),
    1.0,
    ((0.0, 1.5),),
    INFO,
    Timings(0.1, 0.2, 0.3),
)
FOREIGN = replace(
    FIRST, file="=1+1.avi", ranked=(("Run", 0.6), ("Walk", 0.4)), known_probability=0.2
)
_SAY = 'Say "a<b>" & go, on'
SEGMENTS = [
    Segment(0, 2.5, "Run", "Run", 0.91, 0.97),
    Segment(2.5, 4, None, "Walk", 0.55, 0.125),
    Segment(4, 3723.25, _SAY, _SAY, 0.42, 1.0, "Run", 0.3),
]


def test_json_is_that_of_the_prediction() -> None:
    assert json.loads(to_json(FIRST)) == FIRST.to_dict()
    assert "süß" in to_json(FIRST)
    assert to_json(FIRST).endswith("}\n")


def test_csv_has_a_row_a_video_and_a_column_an_action() -> None:
    unsure = replace(FIRST, ranked=(("Walk", 0.4), ("Run", 0.3), ("Jump", 0.3)))
    rows = list(csv.DictReader(io.StringIO(to_csv([FIRST, FOREIGN, unsure]))))
    assert [r["file"] for r in rows] == ["Kuchen, süß.mp4", "'=1+1.avi", "Kuchen, süß.mp4"]
    assert [r["action"] for r in rows] == ["Walk", "", "Walk"]
    assert [r["nearest_action"] for r in rows] == ["Walk", "Run", "Walk"]
    assert [r["known_probability"] for r in rows] == ["1.0", "0.2", "1.0"]
    assert [r["unsure"] for r in rows] == ["false", "false", "true"]
    assert [r["Run"] for r in rows] == ["0.25", "0.6", "0.3"]
    assert [r["Jump"] for r in rows] == ["", "", "0.3"]
    assert list(rows[0]) == [
        "file", "action", "nearest_action", "probability", "known_probability", "unsure",
        "duration_s", "elapsed_s", "Jump", "Run", "Walk",
    ]  # fmt: skip
    assert rows[0]["elapsed_s"] == "0.6"


def test_csv_of_nothing() -> None:
    assert to_csv([]).count("\n") == 1


def test_segments_as_csv() -> None:
    lines = list(segments_to_csv(SEGMENTS))
    assert not any(line.endswith("\n") for line in lines)
    rows = list(csv.DictReader(lines))
    assert [r["action"] for r in rows] == ["Run", "", 'Say "a<b>" & go, on']
    assert rows[1] == {
        "start_s": "2.5", "end_s": "4", "action": "", "nearest_action": "Walk",
        "probability": "0.55", "known_probability": "0.125",
    }  # fmt: skip


def test_subtitles_show_actions_only() -> None:
    assert list(segments_to_vtt(SEGMENTS)) == [
        "WEBVTT\n",
        "00:00:00.000 --> 00:00:02.500\nRun 91.0 %\n",
        '00:00:04.000 --> 01:02:03.250\nUnsure: Say "a&lt;b&gt;" &amp; go, on or Run 42.0 %\n',
    ]


def test_a_time_that_rounds_up_carries_over() -> None:
    _, block = segments_to_vtt([Segment(59.9996, 3599.9999, "Run", "Run", 1, 1)])
    assert block.startswith("00:01:00.000 --> 01:00:00.000\n")


def test_lines_come_as_segments_do() -> None:
    def two() -> object:
        yield SEGMENTS[0]
        raise ValueError("stopped")

    lines = segments_to_csv(two())  # type: ignore[arg-type]
    assert next(lines).startswith("start_s,")
    assert next(lines).startswith("0,2.5,Run")
    with pytest.raises(ValueError, match="stopped"):
        next(lines)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\ta", "\ra"])
def test_text_that_a_spreadsheet_would_run(text: str) -> None:
    assert spreadsheet_text(text) == "'" + text
    assert spreadsheet_text("a" + text) == "a" + text


# -- names that are no text, or that an encoding lacks -------------------------------------

NAMES = [
    "跑步.mp4",
    "é.mp4",
    "😀.mp4",
    "caf\udce9.mp4",
    "\udcff\udcfe",
    'a"\\\n\u2028.mp4',
    "plain",
]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252", "shift_jis", "utf-16", "koi8-r"])
@pytest.mark.parametrize("name", NAMES)
def test_json_can_be_encoded_and_read_back(name: str, encoding: str) -> None:
    line = dump_json({name: [name]}, encoding=encoding)
    assert json.loads(line.encode(encoding).decode(encoding)) == {name: [name]}
    assert len(line.splitlines()) == 1 or "\u2028" in line


@pytest.mark.parametrize(
    ("name", "encoding", "shown"),
    [
        ("跑", "utf-8", '"跑"'),
        ("跑", "cp1252", '"\\u8dd1"'),
        ("é", "cp1252", '"é"'),
        ("é", "ascii", '"\\u00e9"'),
        ("😀", "cp1252", '"\\ud83d\\ude00"'),
        ("\udce9", "utf-8", '"\\udce9"'),
    ],
)
def test_json_escapes_only_what_must_be(name: str, encoding: str, shown: str) -> None:
    assert dump_json(name, encoding=encoding) == shown


@pytest.mark.parametrize("name", NAMES)
def test_every_format_is_utf_8(name: str) -> None:
    prediction = replace(FIRST, file=name, ranked=((name, 0.75), ("Run", 0.25)))
    segments = [Segment(0, 2.5, name, name, 0.91, 0.97)]
    texts = [to_json(prediction), to_csv([prediction])]
    texts += ["\n".join(to_lines(segments)) for to_lines in (segments_to_csv, segments_to_vtt)]
    assert all(text.encode("utf-8") for text in texts)
    assert json.loads(texts[0])["file"] == name
    assert next(csv.DictReader(io.StringIO(texts[1])))["file"] == as_utf8(name)


def test_bytes_that_are_no_text_are_told_apart() -> None:
    assert as_utf8("caf\udce9 跑.mp4") == r"caf\udce9 跑.mp4"
    assert as_utf8("caf\udce8") != as_utf8("caf\udce9")
