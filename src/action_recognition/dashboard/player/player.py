"""Shows a video with its moments; `player.js` draws it in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any

import streamlit as st
from streamlit import runtime

from action_recognition.dashboard.formatting import one_line, percent
from action_recognition.dashboard.player.course import NONE_OF_THESE
from action_recognition.recognition.formats import as_utf8, segments_to_vtt
from action_recognition.recognition.segmentation import Segment
from action_recognition.video.preview import Preview

NO_COURSE: dict[str, Any] = {"borders": [], "rows": []}


def _part(ending: str) -> str:
    return files(__package__).joinpath(f"player.{ending}").read_text(encoding="utf-8")


_component = st.components.v2.component(
    "action_recognition_player", html=_part("html"), css=_part("css"), js=_part("js")
)


def chosen_moment(key: str, count: int) -> int:
    """Which of `count` moments the visitor has chosen in the player of this key; 0 at first."""
    state = st.session_state.get(key)
    chosen = getattr(state, "chosen", None)
    return chosen if isinstance(chosen, int) and 0 <= chosen < count else 0


def show_player(
    preview: Preview,
    segments: Sequence[Segment],
    course: dict[str, Any],
    *,
    key: str,
    begin: int | None = None,
) -> None:
    """Draws it. Seeking and playing need no word of the server.

    Parameters:
        preview: what the browser plays, the whole video or a part of it.
        segments: all of the video's.
        course: what the chart shows, see `course.course`, or `NO_COURSE`.
        key: of this video, for `chosen_moment`; Streamlit draws the page anew when it changes.
        begin: the moment to play at once.
    """
    data = {
        "url": _url(preview, key),
        "offset": preview.start_s,
        "until": preview.end_s,
        "start": segments[0].start_s,
        "end": segments[-1].end_s,
        "vtt": "\n".join(segments_to_vtt(later(segments, preview.start_s))),
        "moments": [_moment(segment) for segment in segments],
        "begin": begin,
        "borders": course["borders"],
        "rows": [{**row, "name": as_utf8(one_line(row["name"]))} for row in course["rows"]],
    }
    _component(key=key, data=data, default={"chosen": 0}, on_chosen_change=lambda: None)


def _moment(segment: Segment) -> dict[str, Any]:
    known = segment.label is not None
    return {
        "start": round(segment.start_s, 6),
        "end": round(segment.end_s, 6),
        "label": as_utf8(one_line(segment.label or NONE_OF_THESE)),
        "sure": percent(segment.probability) if known else "",
        "known": known,
    }


def _url(preview: Preview, key: str) -> str:
    """Where the browser gets the bytes; the same as long as they are the same."""
    if not runtime.exists():
        return ""
    return runtime.get_instance().media_file_mgr.add(preview.data, preview.mime, key)


def later(segments: Sequence[Segment], start_s: float) -> list[Segment]:
    """The segments as a player sees them whose film begins at `start_s`."""
    return [
        replace(s, start_s=max(0.0, s.start_s - start_s), end_s=s.end_s - start_s)
        for s in segments
        if s.end_s > start_s
    ]
