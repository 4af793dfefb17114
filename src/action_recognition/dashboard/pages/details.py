"""Below the answer: why, from which frames, and all figures; drawn anew without the rest."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd
import streamlit as st

from action_recognition.clips import VideoClips
from action_recognition.dashboard import error_boxes
from action_recognition.dashboard.formatting import (
    codec,
    container,
    download_stem,
    percent,
    picture_size,
    plain,
    time_span,
)
from action_recognition.dashboard.media.frames import pictures, spread
from action_recognition.dashboard.media.heat_maps import legend, overlay
from action_recognition.dashboard.media.summary import summary_png
from action_recognition.dashboard.model_choice import ModelKey
from action_recognition.dashboard.model_summary import layers
from action_recognition.dashboard.pages.correct import show_corrections
from action_recognition.dashboard.pages.moments import find_course, is_film, show_moments
from action_recognition.dashboard.player.course import NONE_OF_THESE
from action_recognition.dashboard.progress import STAGES, wait
from action_recognition.dashboard.session import Session, Upload
from action_recognition.errors import VideoError
from action_recognition.models.saliency import centres
from action_recognition.recognition.formats import clock, segments_to_vtt, to_csv, to_json
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.results import Prediction
from action_recognition.recognition.segmentation import Segment

EVIDENCE, TIMELINE, CORRECT = "Evidence", "Timeline", "Correct"
FRAMES, DETAILS = "Frames", "Details"
_OF_CLIP = [EVIDENCE, TIMELINE, CORRECT, FRAMES, DETAILS]
_OF_FILM = [EVIDENCE, CORRECT, FRAMES, DETAILS]
TABS = "details-tabs"  # the key of which one is open
_SUBTITLES = "Subtitles"
_ONE_LINE = "The answer over the whole video. The timeline has subtitles for each of its parts."
_MAX_SEGMENTS = 8  # more clips than this are chosen from a list


@st.fragment
def show_details(
    prediction: Prediction, upload: Upload, model: ModelKey, recognizer: Recognizer
) -> None:
    """The moments of a film, then the tabs. Only the open tab is drawn: heat maps cost time."""
    # A fragment is drawn without the page around it: it catches its own failures.
    with error_boxes.shown():
        if not is_film(prediction.video):
            _show_tabs(prediction, upload, model, recognizer, _OF_CLIP)
            return
        found = find_course(prediction, upload, model, recognizer)
        if isinstance(found, VideoError):
            error_boxes.show(found, name=upload.name)
            return
        chosen = show_moments(found, prediction, upload, model, recognizer)
        span = (chosen.start_s, chosen.end_s)
        part = wait(
            Session.current().ask(upload, model, recognizer, span), STAGES, "Looking at it again …"
        )
        if isinstance(part, VideoError):
            error_boxes.show(part, name=upload.name)
            return
        label = chosen.label or NONE_OF_THESE
        st.subheader(f"{clock(span[0])} to {clock(span[1])}: {plain(label)}", anchor=False)
        _show_tabs(part, upload, model, recognizer, _OF_FILM)


def _show_tabs(
    prediction: Prediction,
    upload: Upload,
    model: ModelKey,
    recognizer: Recognizer,
    names: list[str],
) -> None:
    clips = prediction.clips
    if clips is None:
        return
    tabs = dict(zip(names, st.tabs(names, on_change="rerun", key=TABS), strict=True))
    if tabs[EVIDENCE].open:
        with tabs[EVIDENCE]:
            _show_evidence(prediction, clips, upload, model, recognizer)
    if TIMELINE in tabs and tabs[TIMELINE].open:
        with tabs[TIMELINE]:
            found = find_course(prediction, upload, model, recognizer)
            if isinstance(found, VideoError):
                error_boxes.show(found, name=upload.name)
            else:
                show_moments(found, prediction, upload, model, recognizer)
    if tabs[CORRECT].open:
        with tabs[CORRECT]:
            found = find_course(prediction, upload, model, recognizer)
            if not isinstance(found, VideoError):
                show_corrections(upload, found.segments, recognizer, model)
    if tabs[FRAMES].open:
        with tabs[FRAMES]:
            _show_frames(prediction, clips, upload)
    if tabs[DETAILS].open:
        with tabs[DETAILS]:
            _show_figures(prediction, recognizer)
            _offer(prediction, clips, upload, model, recognizer)


def _show_evidence(
    prediction: Prediction,
    clips: VideoClips,
    upload: Upload,
    model: Hashable,
    recognizer: Recognizer,
) -> None:
    clip = _choose_clip(prediction, f"evidence-{upload.digest}")
    actions = [action for action, _ in prediction.ranked]
    action = st.selectbox("What speaks for", actions, key=f"action-{upload.digest}")
    heat = _explain(prediction, upload, model, recognizer, clip=clip, action=action)
    if not heat.any():
        st.markdown(f"Nothing in this clip speaks for {plain(action)}.")
        return
    frames, times = clips.frames[clip], clips.times_s[clip]
    shown = _choose_time(times, heat, f"heat-{upload.digest}-{times[0]:.3f}")
    plain_frame, with_heat = st.columns(2, gap="small")
    at = f"{times[shown]:.2f} s"
    plain_frame.image(frames[shown], f"The frame at {at}", "stretch", alt=f"The frame at {at}")
    caption = f"Where it speaks for {plain(action)}"
    with_heat.image(
        overlay(frames[[shown]], heat[[shown]])[0],
        caption,
        "stretch",
        alt=f"The same frame with the heat map of {action}",
    )
    st.html(legend())
    few = spread(len(frames))  # not all of them: each takes megabytes on its way
    _show_strip(overlay(frames[few], heat[few]), times[few], f"with the heat map of {action}")
    rows, columns = (len(centres(n, recognizer.model.architecture)) for n in frames.shape[1:3])
    st.caption(
        "At each place: the network's activation times the gradient of the score of "
        f"{plain(action)} against the other actions, where it is positive (HiResCAM). It is "
        f"computed on a grid of {columns} by {rows} places and enlarged. "
        "*Most* is the strongest place of these frames, so that they can be compared with each "
        "other, but not with other clips."
    )


def _choose_time(times: np.ndarray, heat: np.ndarray, key: str) -> int:
    """Which frame is shown large; at first, the one with the most heat."""
    if len(times) == 1:
        return 0
    return st.select_slider(
        "Time",
        range(len(times)),
        int(heat.sum((1, 2)).argmax()),
        format_func=lambda k: f"{times[k]:.2f} s",
        key=key,
    )


def _explain(
    prediction: Prediction,
    upload: Upload,
    model: Hashable,
    recognizer: Recognizer,
    *,
    clip: int,
    action: str,
) -> np.ndarray:
    job = Session.current().heat_maps(
        upload, model, recognizer, prediction, clip=clip, action=action
    )
    return wait(job, {}, "Explaining: where the network looked …")


def _show_frames(prediction: Prediction, clips: VideoClips, upload: Upload) -> None:
    clip = _choose_clip(prediction, f"clip-{upload.digest}")
    shown = _show_strip(clips.frames[clip], clips.times_s[clip])
    several = len(clips.frames) > 1
    count, height, width = clips.frames.shape[1:4]
    st.caption(
        f"{shown} of the {count} frames of {'this clip' if several else 'the video'} that the "
        f"network saw: cropped and scaled to {picture_size(width, height)} pixels. "
        + ("The answer is the average over all clips." if several else "")
    )


def _show_figures(prediction: Prediction, recognizer: Recognizer) -> None:
    facts = prediction.to_dict()
    left, right = st.columns(2, gap="large")
    with left:
        table = pd.DataFrame(prediction.ranked, columns=["Action", "Probability"])
        share = st.column_config.NumberColumn(format="%.4f")
        st.dataframe(table, hide_index=True, column_config={"Probability": share})
    with right:
        video, times = prediction.video, facts["timings_s"]
        rows = {
            "Length": f"{video.duration_s:.2f} s",
            "Frame size": f"{picture_size(video.width, video.height)} pixels",
            "Frame rate": f"{video.frame_rate:.3g} frames/s" if video.frame_rate else "not told",
            "Codec, container": f"{codec(video)}, {container(video)}",
            "Clips seen": "; ".join(time_span(*span) for span in prediction.clips_s),
            "Opening": f"{times['open_s']:.3f} s",
            "Decoding": f"{times['decode_s']:.3f} s",
            "Network": f"{times['network_s']:.3f} s",
        }
        if recognizer.model.open_set is not None:
            rows["Known action"] = f"{percent(prediction.known_probability)} probability"
        rows |= _about_model(recognizer)
        # Not a data frame: its cells would cut the list of clips off.
        st.table(pd.DataFrame(rows.items(), columns=["Fact", "Value"]).set_index("Fact"))


def _about_model(recognizer: Recognizer) -> dict[str, str]:
    model = recognizer.model
    seen = model.preprocessing
    return {
        "Model": f"{layers(model.architecture)}, {len(model.classes)} classes, "
        f"{model.parameters / 1e6:.1f} million parameters",
        "Its frames": f"one every {seen.interval_s:g} s, "
        f"{picture_size(seen.size, seen.size)} pixels, {recognizer.window} for an answer",
    }


def _offer(
    prediction: Prediction,
    clips: VideoClips,
    upload: Upload,
    model: Hashable,
    recognizer: Recognizer,
) -> None:
    """Downloads of the answer."""
    action = prediction.nearest_action
    heat = _explain(prediction, upload, model, recognizer, clip=0, action=action)
    video = prediction.video
    whole = Segment(
        video.start_s,
        video.start_s + video.duration_s,
        prediction.action,
        prediction.nearest_action,
        prediction.probability,
        prediction.known_probability,
        *next(iter(prediction.ranked[1:]), (None, 0.0)),
    )
    stem = download_stem(prediction.file)
    with st.container(horizontal=True):
        for label, content, ending, mime in (
            ("JSON", to_json(prediction), "json", "application/json"),
            ("CSV", to_csv([prediction]), "csv", "text/csv"),
            (_SUBTITLES, "\n".join(segments_to_vtt([whole])), "vtt", "text/vtt"),
            (
                "Picture",
                summary_png(prediction, clips.frames[0], clips.times_s[0], heat),
                "png",
                "image/png",
            ),
        ):
            st.download_button(
                label,
                content,
                f"{stem}.{ending}",
                mime,
                on_click="ignore",
                icon=":material/download:",
                help=_ONE_LINE if label == _SUBTITLES else None,
            )


def _show_strip(frames: np.ndarray, times_s: np.ndarray, what: str = "") -> int:
    """The frames side by side, with their times; returns how many are shown."""
    shown = pictures(frames, times_s)
    captions = [p.caption for p in shown]
    alt = [f"Frame at {caption} {what}".rstrip() for caption in captions]
    st.image([p.pixels for p in shown], captions, "stretch", alt=alt)
    return len(shown)


def _choose_clip(prediction: Prediction, key: str) -> int:
    spans = prediction.clips_s
    if len(spans) == 1:
        return 0
    options, label = range(len(spans)), "Clip"

    def caption(k: int) -> str:
        return time_span(*spans[k])

    if len(spans) > _MAX_SEGMENTS:
        return st.selectbox(label, options, format_func=caption, key=key)
    chosen = st.segmented_control(
        label, options, format_func=caption, key=key, default=0, required=True
    )
    return chosen or 0
