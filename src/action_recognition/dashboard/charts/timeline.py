"""The course of a video: what is seen when, as a chart, a table, and a player that jumps there."""

from __future__ import annotations

import io
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from action_recognition.dashboard import error_boxes
from action_recognition.dashboard.charts.colours import HUE, text_colour
from action_recognition.dashboard.formatting import download_stem, either, percent, time_span
from action_recognition.dashboard.progress import turn
from action_recognition.dashboard.session import Session, Upload
from action_recognition.errors import VideoError
from action_recognition.recognition.formats import segments_to_csv, segments_to_vtt
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.results import KNOWN, Prediction, rank
from action_recognition.recognition.segmentation import Moment, Segment, find_segments
from action_recognition.video.preview import MAX_DURATION_S

NONE_OF_THESE = "None of these"
_FINE_STEP_S, _STEP_S = 0.4, 1.0  # between answers, for a short and for a long video
_SHORT_S = 30.0
_ASK_FROM_S = 120.0  # a longer video is worked through only when asked
_DWELL_S = 2.0
_ROW_HEIGHT = 28  # pixels


def show_course(
    prediction: Prediction, upload: Upload, model: Hashable, recognizer: Recognizer
) -> None:
    """Computes what is not known yet, with its progress, and shows it."""
    course = find_course(prediction, upload, model, recognizer)
    if course is None:
        return
    moments, segments = course
    start_s, end_s = segments[0].start_s, segments[-1].end_s
    dark = st.context.theme.type == "dark"
    st.altair_chart(
        course_chart(moments, recognizer.classes, start_s, end_s, dark=dark),
        width="stretch",
    )
    left, right = st.columns(2, gap="large")
    with left:
        words = [in_words(s, moments, recognizer.classes) for s in segments]
        chosen = _choose(segments, words, upload)
        captions = [
            replace(s, action=text.removeprefix("Unsure: ") if s.unsure else s.action)
            for s, text in zip(segments, words, strict=True)
        ]
        _offer(segments, captions, upload.name)
    with right:
        _play(captions, chosen, upload)


def find_course(
    prediction: Prediction, upload: Upload, model: Hashable, recognizer: Recognizer
) -> tuple[list[Moment], list[Segment]] | None:
    """The moments and segments of an upload, computed once; None: they were not asked for yet."""
    start_s, duration_s = prediction.video.start_s, prediction.video.duration_s
    session = Session.current()
    moments = session.known_moments(upload, model)
    if moments is None:
        if duration_s > _ASK_FROM_S and not st.button("Go through the whole video"):
            st.caption(f"There is an answer for every second of {duration_s / 60:.0f} minutes.")
            return None
        moments = _compute(upload, model, recognizer, duration_s)
    if isinstance(moments, VideoError):
        error_boxes.show(moments, name=upload.name)
        return None
    step_s = _step(duration_s)
    segments = list(
        find_segments(
            moments,
            recognizer.classes,
            step_s=step_s,
            dwell_s=_DWELL_S,
            start_s=start_s,
            end_s=start_s + duration_s,
        )
    )
    return moments, segments


def course_data(
    moments: Sequence[Moment], classes: Sequence[str], start_s: float, end_s: float
) -> tuple[pd.DataFrame, list[str]]:
    """What the chart shows, and its rows from top to bottom: actions that lead at some moment.

    Each moment reaches halfway to its neighbours, the first to `start_s`, the last to `end_s`.

    Columns: action (str), start and end (seconds), probability (0..1), label (text of it).
    """
    leaders = {
        classes[int(m.probabilities.argmax())] for m in moments if m.known_probability >= KNOWN
    }
    rows = [name for name in classes if name in leaders]
    cells = []
    times = [m.time_s for m in moments]
    borders = [start_s, *((a + b) / 2 for a, b in pairwise(times)), max([end_s, *times])]
    for m, from_s, until_s in zip(moments, borders, borders[1:], strict=False):
        shares = {
            name: float(m.probabilities[classes.index(name)]) * m.known_probability for name in rows
        }
        if m.known_probability < 1:
            shares[NONE_OF_THESE] = 1 - m.known_probability
        cells += [
            {
                "action": name,
                "start": from_s,
                "end": until_s,
                "probability": p,
                "label": percent(p),
            }
            for name, p in shares.items()
        ]
    if any(m.known_probability < KNOWN for m in moments):
        rows.append(NONE_OF_THESE)
    data = pd.DataFrame(cells, columns=["action", "start", "end", "probability", "label"])
    return data[data["action"].isin(rows)], rows


def course_chart(
    moments: Sequence[Moment], classes: Sequence[str], start_s: float, end_s: float, *, dark: bool
) -> alt.Chart:
    """One row an action, time to the right; the surer, the fuller the colour."""
    data, rows = course_data(moments, classes, start_s, end_s)
    text = text_colour(dark=dark)
    axis: dict[str, Any] = {
        "labelColor": text,
        "titleColor": text,
        "labelFontSize": 13,
        "domain": False,
    }
    return (
        alt.Chart(data)
        .mark_rect(color=HUE)
        .encode(
            x=alt.X(
                "start:Q",
                title="seconds",
                scale=alt.Scale(domain=[start_s, float(data["end"].max())], nice=False),
                axis=alt.Axis(grid=False, tickCount=12, **axis),
            ),
            x2="end:Q",
            y=alt.Y(
                "action:N",
                sort=rows,
                title=None,
                axis=alt.Axis(labelLimit=1000, ticks=False, **axis),
            ),
            opacity=alt.Opacity(
                "probability:Q", scale=alt.Scale(domain=[0, 1], range=[0, 1]), legend=None
            ),
            tooltip=[
                alt.Tooltip("action:N", title="Action"),
                alt.Tooltip("start:Q", title="From (s)", format=".1f"),
                alt.Tooltip("label:N", title="Probability"),
            ],
        )
        .properties(height=alt.Step(_ROW_HEIGHT))
        .configure_view(strokeWidth=0)
    )


def _step(duration_s: float) -> float:
    return _FINE_STEP_S if duration_s <= _SHORT_S else _STEP_S


def _compute(
    upload: Upload, model: Hashable, recognizer: Recognizer, duration_s: float
) -> list[Moment] | VideoError:
    def report(done_s: float, all_s: float) -> None:
        bar.progress(min(1.0, done_s / max(all_s, 1e-6)), f"{done_s:.0f} of {all_s:.0f} s seen")

    def moments(on_progress: Callable[[float, float], None]) -> list[Moment]:
        source = io.BytesIO(upload.data)
        step_s = _step(duration_s)
        return list(
            recognizer.moments(source, name=upload.name, step_s=step_s, on_progress=on_progress)
        )

    with turn():
        bar = st.progress(0.0, "Going through the video …")
        found = Session.current().moments(upload, model, lambda: moments(report))
        bar.empty()
    return found


def in_words(segment: Segment, moments: Sequence[Moment], classes: tuple[str, ...]) -> str:
    """What a segment shows; of an unsure one, its two most probable actions."""
    if segment.action is None:
        return NONE_OF_THESE
    if not segment.unsure:
        return segment.action
    inside = [m.probabilities for m in moments if segment.start_s <= m.time_s <= segment.end_s]
    return either(rank(classes, np.mean(inside, axis=0)))


def _choose(segments: Sequence[Segment], words: Sequence[str], upload: Upload) -> Segment:
    """The segment whose row is clicked; the first one before any is."""
    table = pd.DataFrame(
        {
            "Time": [time_span(s.start_s, s.end_s) for s in segments],
            "Action": list(words),
            "Probability": [percent(s.probability) for s in segments],
        }
    )
    event = st.dataframe(
        table,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"segments-{upload.digest}",
    )
    st.caption("Click the box before a row to play from there.")
    rows = event["selection"]["rows"]
    return segments[rows[0] if rows and rows[0] < len(segments) else 0]


def _play(captions: Sequence[Segment], chosen: Segment, upload: Upload) -> None:
    """The player, at the chosen segment; of a long converted video only a part, from there on."""
    preview = Session.current().preview(upload)
    if isinstance(preview, VideoError):
        return  # the page above has said why
    end_s = captions[-1].end_s
    if preview.transcoded and preview.end_s < end_s - 1:
        from_s = st.slider(
            "Play from",
            0.0,
            float(int(end_s)),
            float(int(chosen.start_s)),
            step=1.0,
            format="%.0f s",
            key=f"from-{upload.digest}-{chosen.start_s}",
            help=f"Browsers cannot play this file; {MAX_DURATION_S:.0f} s at a time are converted.",
        )
        with st.spinner("Converting this part …"):
            part = Session.current().part(upload, from_s)
        if isinstance(part, VideoError):
            error_boxes.show(part, name=upload.name)
            return
        preview = part
    st.video(
        preview.data,
        format=preview.mime,
        start_time=max(0.0, chosen.start_s - preview.start_s),
        subtitles={"Actions": "\n".join(segments_to_vtt(later(captions, preview.start_s)))},
    )


def later(segments: Sequence[Segment], start_s: float) -> list[Segment]:
    """The segments as a player sees them whose film begins at `start_s`."""
    return [
        replace(s, start_s=max(0.0, s.start_s - start_s), end_s=s.end_s - start_s)
        for s in segments
        if s.end_s > start_s
    ]


def _offer(segments: Sequence[Segment], captions: Sequence[Segment], name: str) -> None:
    stem = download_stem(name)
    with st.container(horizontal=True):
        for label, text, ending, mime in (
            ("CSV", "\n".join(segments_to_csv(segments)) + "\n", "csv", "text/csv"),
            ("Subtitles", "\n".join(segments_to_vtt(captions)), "vtt", "text/vtt"),
        ):
            st.download_button(
                label,
                text,
                f"{stem}-timeline.{ending}",
                mime,
                on_click="ignore",
                icon=":material/download:",
            )
