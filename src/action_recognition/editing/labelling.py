"""Moments for labelling programs: Label Studio and CVAT."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from action_recognition.editing.timecode import FrameRate
from action_recognition.recognition.formats import as_utf8, dump_json
from action_recognition.recognition.segmentation import Segment
from action_recognition.video.info import VideoInfo


def segments_to_label_studio(segments: Iterable[Segment], info: VideoInfo, name: str) -> str:
    """A JSON file for Label Studio: one task, whose predictions are the moments.

    The project needs `<Video name="video" value="$video" frameRate="..."/>` and `<TimelineLabels
    name="videoLabels" toName="video">` with a label for each action. Frames are counted from 1, and
    the last one belongs to the range.

    Parameters:
        name: file name of the video, which becomes its address in the task.
    """
    rate = FrameRate.of(info.frame_rate)
    last = max(1, rate.frame(info.duration_s))
    results: list[dict[str, Any]] = []
    for s in segments:
        if s.action is not None:
            start = min(last, rate.frame(s.start_s - info.start_s) + 1)
            end = max(start, min(last, rate.frame(s.end_s - info.start_s)))
            results.append(
                {
                    "id": hashlib.sha256(f"{start} {end} {s.action!r}".encode()).hexdigest()[:10],
                    "type": "timelinelabels",
                    "from_name": "videoLabels",
                    "to_name": "video",
                    "value": {
                        "ranges": [{"start": start, "end": end}],
                        "timelinelabels": [as_utf8(s.action)],
                    },
                    "score": round(s.probability, 4),
                }
            )
    score = round(sum(r["score"] for r in results) / max(1, len(results)), 4)
    prediction = {"model_version": "action-recognition", "score": score, "result": results}
    task = {"data": {"video": as_utf8(name)}, "predictions": [prediction]}
    return dump_json([task], indent=2) + "\n"


def segments_to_cvat(segments: Iterable[Segment], info: VideoInfo, name: str) -> Iterator[str]:
    """Lines of an XML file in the format "CVAT 1.1": a tag on each frame of each moment.

    The task needs a label of the type Any or Tag for each action; a text attribute "probability" of
    it, if there is one, is filled in. Frames are counted from 0.
    """
    rate = FrameRate.of(info.frame_rate)
    shown = [s for s in segments if s.action is not None]
    count = max(1, rate.frame(info.duration_s))
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield "<annotations>"
    yield "  <version>1.1</version>"
    yield "  <meta>"
    yield "    <task>"
    yield f"      <name>{escape(_clean(name))}</name>"
    yield f"      <size>{count}</size>"
    yield "      <mode>interpolation</mode>"
    yield "      <labels>"
    for action in sorted({s.action or "" for s in shown}):
        yield f"        <label><name>{escape(_clean(action))}</name><type>tag</type></label>"
    yield "      </labels>"
    yield f"      <original_size><width>{info.width}</width><height>{info.height}</height>"
    yield "      </original_size>"
    yield "    </task>"
    yield "  </meta>"
    for s in shown:
        begin, end = (rate.frame(t - info.start_s) for t in (s.start_s, s.end_s))
        for frame in range(begin, min(count, max(end, begin + 1))):
            yield f'  <image id="{frame}" name="frame_{frame:06}" {_size(info)}>'
            yield f'    <tag label={quoteattr(_clean(s.action or ""))} source="auto">'
            yield f'      <attribute name="probability">{s.probability:.3f}</attribute>'
            yield "    </tag>"
            yield "  </image>"
    yield "</annotations>"


def _size(info: VideoInfo) -> str:
    return f'width="{info.width}" height="{info.height}"'


def _clean(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return "".join(c if c.isprintable() else " " for c in as_utf8(text))
