"""Files for Label Studio and CVAT."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from action_recognition.editing.labelling import segments_to_cvat, segments_to_label_studio
from action_recognition.recognition.segmentation import Segment
from action_recognition.video.info import VideoInfo
from action_recognition.video.orientation import UPRIGHT

INFO = VideoInfo(10, 25, 640, 480, "h264", "mp4", UPRIGHT, True, start_s=1.0)
SEGMENTS = [
    Segment(1, 3, "Run & <Jump>", "Run & <Jump>", 0.91, 1.0),
    Segment(3, 9, None, "Run & <Jump>", 0.8, 0.1),
    Segment(9, 11, 'say "hi"', 'say "hi"', 0.5, 1.0),
]


def test_label_studio_gets_ranges_of_frames_that_count_from_one() -> None:
    (task,) = json.loads(segments_to_label_studio(SEGMENTS, INFO, "film.mp4"))
    assert task["data"] == {"video": "film.mp4"}
    (prediction,) = task["predictions"]
    assert prediction["score"] == 0.705
    first, last = prediction["result"]
    assert first["value"] == {
        "ranges": [{"start": 1, "end": 50}],
        "timelinelabels": ["Run & <Jump>"],
    }
    assert (first["type"], first["from_name"], first["to_name"], first["score"]) == (
        "timelinelabels", "videoLabels", "video", 0.91,
    )  # fmt: skip
    assert last["value"]["ranges"] == [{"start": 201, "end": 250}]
    assert first["id"] != last["id"]


def test_cvat_gets_a_tag_on_each_frame_from_zero() -> None:
    root = ElementTree.fromstring("\n".join(segments_to_cvat(SEGMENTS, INFO, "fi&lm.mp4")))
    assert root.findtext("version") == "1.1"
    assert root.findtext("meta/task/name") == "fi&lm.mp4"
    assert [e.text for e in root.iterfind("meta/task/labels/label/name")] == [
        "Run & <Jump>",
        'say "hi"',
    ]
    tags = {int(e.attrib["id"]): e.find("tag") for e in root.iterfind("image")}
    assert list(tags) == [*range(50), *range(200, 250)]
    tag = tags[200]
    assert tag is not None
    assert tag.attrib == {"label": 'say "hi"', "source": "auto"}
    assert tag.findtext("attribute[@name='probability']") == "0.500"
