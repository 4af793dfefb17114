"""Take away: the chosen moment, or all of them, as files for other programs."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import streamlit as st

from action_recognition.dashboard import error_boxes
from action_recognition.dashboard.media.moments import (
    Film,
    Taken,
    annotated,
    cut_outs,
    gifs,
    listed,
    sheet,
)
from action_recognition.dashboard.progress import wait
from action_recognition.dashboard.session import Session, Upload
from action_recognition.dashboard.strangers import for_making
from action_recognition.errors import ActionRecognitionError
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.segmentation import Segment
from action_recognition.video.info import VideoInfo

THIS, ALL, WHOLE = "This moment", "All moments", "Whole film"
CUT, GIF, ANNOTATED, SHEET = "Cut-out", "GIF", "Annotated film", "Contact sheet"
_MADE = {
    CUT: ":material/content_cut:",
    GIF: ":material/gif_box:",
    ANNOTATED: ":material/subtitles:",
    SHEET: ":material/grid_view:",
}
_LISTS = {
    "EDL": "for DaVinci Resolve, Premiere and others: the moments as a timeline",
    "SRT": "subtitles for most players",
    "VTT": "subtitles for browsers",
    "CSV": "a table for spreadsheets",
    "Label Studio": "a task with predictions, to correct them in Label Studio",
    "CVAT": "a tag on each frame, to correct them in CVAT",
}
_AT_ONCE_S = 60.0  # so much of a video is worked on without asking again
_MOST_S = 600.0  # and so much at all; the command line has no such limit


def show_take_away(
    upload: Upload,
    video: VideoInfo,
    segments: Sequence[Segment],
    chosen: Segment,
    recognizer: Recognizer,
    model: Hashable,
) -> None:
    """A row of choices; what is chosen is made in the queue and offered as a download.

    Parameters:
        video: facts about the upload.
        segments: all of its moments, in order.
        chosen: the one of the segments that the visitor has chosen.
        model: identifies the model.
    """
    form = st.pills(
        "Take away",
        [*_MADE, *_LISTS],
        format_func=lambda name: f"{_MADE[name]} {name}" if name in _MADE else name,
        key=f"take-{upload.digest}",
    )
    if form is None:
        return
    every = WHOLE if form == ANNOTATED else ALL
    with st.container(horizontal=True, vertical_alignment="center"):
        of = st.segmented_control(
            "Of",
            [THIS, every],
            default=THIS if form in (CUT, GIF) else every,
            required=True,
            key=f"take-of-{form}-{upload.digest}",
            label_visibility="collapsed",
        )
        heat = form == ANNOTATED and st.checkbox("With heat map", key=f"take-heat-{upload.digest}")
        film = Film(upload, video, for_making(recognizer))
        if form in _LISTS:
            _offer(listed(form, film, [chosen] if of == THIS else segments))
    if form in _LISTS:
        st.caption(f"{form}: {_LISTS[form]}.")
        return
    known = [chosen] if of == THIS else [s for s in segments if s.action is not None]
    if not known and form != ANNOTATED:
        st.caption("No moment shows a known action.")
        return
    with error_boxes.shown():
        _make(form, film, known, segments, model, whole=of == WHOLE, heat=heat)


def _make(
    form: str,
    film: Film,
    wanted: Sequence[Segment],
    segments: Sequence[Segment],
    model: Hashable,
    *,
    whole: bool,
    heat: bool,
) -> None:
    """Makes what is chosen, where it is not made yet, and offers it."""
    end_s = film.info.start_s + film.info.duration_s
    span = (0.0, end_s) if whole else (wanted[0].start_s, wanted[0].end_s)
    length_s = _seconds(form, wanted, span)
    if length_s > _MOST_S:
        st.caption(
            f"This is {length_s / 60:.0f} minutes of video, and up to {_MOST_S / 60:.0f} are made "
            "here; the commands `action-recognition cut` and `annotate` make any length."
        )
        return

    def work() -> Taken | ActionRecognitionError:
        try:
            if form == CUT:
                return cut_outs(film, wanted)
            if form == GIF:
                return gifs(film, wanted)
            if form == SHEET:
                return sheet(film, wanted)
            return annotated(film, segments, *span, heat=heat)
        except ActionRecognitionError as error:
            return error

    key = (model, film.upload.digest, form, heat, span if form == ANNOTATED else tuple(wanted))
    session = Session.current()
    if (
        length_s > _AT_ONCE_S
        and session.made.get(key) is None
        and not st.button(f"Make it from {length_s:.0f} s of video")
    ):
        return
    taken = wait(session.make(key, work), {}, f"{form}: being made …")
    if isinstance(taken, ActionRecognitionError):
        error_boxes.show(taken, name=film.upload.name)
    else:
        _offer(taken)


def _seconds(form: str, wanted: Sequence[Segment], span: tuple[float, float]) -> float:
    """How much of the video has to be gone through."""
    if form == ANNOTATED:
        return span[1] - span[0]
    if form == SHEET:
        return float(len(wanted))
    return sum(s.end_s - s.start_s for s in wanted)


def _offer(taken: Taken) -> None:
    size = len(taken.content)
    st.download_button(
        "Download",
        taken.content,
        taken.name,
        taken.mime,
        on_click="ignore",
        icon=":material/download:",
        help=f"{taken.name}, {size / 1e6:.1f} MB" if size >= 1e5 else taken.name,
    )
