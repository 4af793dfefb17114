"""What a video shows when: found with its progress, played, and taken away."""

from __future__ import annotations

import io
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import streamlit as st

from action_recognition.dashboard import error_boxes
from action_recognition.dashboard.pages.take_away import show_take_away
from action_recognition.dashboard.player.course import course
from action_recognition.dashboard.player.player import chosen_moment, show_player
from action_recognition.dashboard.progress import turn
from action_recognition.dashboard.session import Session, Upload
from action_recognition.errors import VideoError
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.results import FILM_S, Prediction
from action_recognition.recognition.segmentation import Moment, Segment, find_segments
from action_recognition.video.info import VideoInfo
from action_recognition.video.preview import MAX_DURATION_S, Preview

_FINE_STEP_S, _STEP_S = 0.4, 1.0  # between answers, for a short and for a long video
_SHORT_S = 30.0
_DWELL_S = 2.0


@dataclass(frozen=True)
class Course:
    """The answers for the moments of a video, and the segments that they form."""

    moments: Sequence[Moment]
    segments: Sequence[Segment]


def is_film(video: VideoInfo) -> bool:
    """Whether a video is answered by its moments before all else."""
    return video.duration_s > FILM_S


def find_course(
    prediction: Prediction, upload: Upload, model: Hashable, recognizer: Recognizer
) -> Course | VideoError:
    """Goes through the video, once, and shows how far it is."""
    start_s, duration_s = prediction.video.start_s, prediction.video.duration_s
    step_s = _FINE_STEP_S if duration_s <= _SHORT_S else _STEP_S
    moments = Session.current().known_moments(upload, model)
    if moments is None:
        moments = _compute(upload, model, recognizer, step_s)
    if isinstance(moments, VideoError):
        return moments
    segments = Session.current().segments(
        upload,
        model,
        lambda: list(
            find_segments(
                moments,
                recognizer.classes,
                step_s=step_s,
                dwell_s=_DWELL_S,
                start_s=start_s,
                end_s=start_s + duration_s,
            )
        ),
    )
    return Course(moments, segments)


def show_moments(
    found: Course,
    prediction: Prediction,
    upload: Upload,
    model: Hashable,
    recognizer: Recognizer,
) -> Segment:
    """The player, and what can be taken away; gives the moment that is chosen."""
    key = f"player-{upload.digest}"
    segments = found.segments
    chosen = segments[chosen_moment(key, len(segments))]
    preview = _playable(upload, chosen, segments[-1].end_s)
    if preview is not None:
        start_s, end_s = segments[0].start_s, segments[-1].end_s
        chart = course(found.moments, recognizer.classes, start_s, end_s)
        show_player(preview, segments, chart, key=key)
    show_take_away(upload, prediction.video, segments, chosen, recognizer, model)
    return chosen


def _compute(
    upload: Upload, model: Hashable, recognizer: Recognizer, step_s: float
) -> list[Moment] | VideoError:
    def report(done_s: float, all_s: float) -> None:
        bar.progress(min(1.0, done_s / max(all_s, 1e-6)), f"{done_s:.0f} of {all_s:.0f} s seen")

    def moments(on_progress: Callable[[float, float], None]) -> list[Moment]:
        source = io.BytesIO(upload.data)
        return list(
            recognizer.moments(source, name=upload.name, step_s=step_s, on_progress=on_progress)
        )

    with turn():
        bar = st.progress(0.0, "Going through the video …")
        found = Session.current().moments(upload, model, lambda: moments(report))
        bar.empty()
    return found


def _playable(upload: Upload, chosen: Segment, end_s: float) -> Preview | None:
    """What the browser plays: the video, or of a long one that must be converted, a part."""
    session = Session.current()
    preview = session.preview(upload)
    if isinstance(preview, VideoError):
        return None  # the page above has said why
    if not preview.transcoded or preview.end_s >= end_s - 1:
        return preview
    st.caption(
        "Browsers cannot play this file. It is converted, without sound, "
        f"{MAX_DURATION_S:.0f} s at a time from the chosen moment on."
    )
    if preview.start_s <= chosen.start_s < preview.end_s:
        return preview
    with st.spinner("Converting this part …"):
        part = session.part(upload, chosen.start_s)
    if isinstance(part, VideoError):
        error_boxes.show(part, name=upload.name)
        return None
    return part
