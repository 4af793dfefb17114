"""From a video to its answer, on the page Recognize."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from action_recognition.dashboard import error_boxes
from action_recognition.dashboard.charts.answer import MAX_BARS, chart, left_out
from action_recognition.dashboard.examples import Example, find_examples
from action_recognition.dashboard.formatting import (
    file_name,
    headline,
    nearest,
    percent,
    plain,
    stages,
    unbroken,
    video_facts,
)
from action_recognition.dashboard.held import visit_name
from action_recognition.dashboard.limits import REFUSED
from action_recognition.dashboard.model_choice import ModelKey, everyday
from action_recognition.dashboard.model_summary import (
    ModelSummary,
    class_table,
    layers,
    measured,
    measurements,
)
from action_recognition.dashboard.pages.moments import find_course, is_film
from action_recognition.dashboard.progress import STAGES, wait
from action_recognition.dashboard.session import Session, Upload
from action_recognition.dashboard.settings import Settings
from action_recognition.errors import ModelFileError, VideoError
from action_recognition.recognition.formats import in_one_line
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.results import UNSURE, Prediction
from action_recognition.video.preview import MAX_DURATION_S

_FEW = 12  # names of actions that are shown at once


def show_summary(
    recognizer: Recognizer, key: ModelKey, classes: DeltaGenerator, about: DeltaGenerator
) -> None:
    """Shows what the model knows, and in another place what else there is to know about it."""
    summary = ModelSummary.of(recognizer.classes)
    with classes:
        _show_classes(summary)
    with about:
        _show_model(recognizer, summary, Path(key[0]).name)


def choose_video(file: UploadedFile | None, recognizer: Recognizer) -> Upload | None:
    """The visitor's own video, or an example, or what was here before another page was opened."""
    with error_boxes.shown():
        REFUSED.check(visit_name())
    session = Session.current()
    upload = session.receive(file) or _choose_example(recognizer)
    if upload is not None:
        session.kept = upload
    elif session.kept is not None:
        st.caption(f"Still here from before: {file_name(session.kept.name)}")
    else:
        session.previews.clear()
    return session.kept


def let_go() -> None:
    """The visitor has chosen another video, or taken theirs away."""
    Session.current().kept = None


def _choose_example(recognizer: Recognizer) -> Upload | None:
    examples = {e.title: e for e in find_examples(Settings.read().examples, recognizer.classes)}
    title = st.pills("Or try an example", list(examples), format_func=plain, on_change=let_go)
    if title is None:
        return None
    example = examples[title]
    try:
        return Upload.of(example.name, _read(title, example.name, example))
    except OSError as error:
        raise VideoError(example.name, f"it cannot be read ({error.strerror})") from None


@st.cache_data(show_spinner="Getting the example …", max_entries=4)
def _read(title: str, name: str, _example: Example) -> bytes:
    """Of the operator, or drawn: the same for everybody."""
    return _example.read()


def _show_classes(summary: ModelSummary) -> None:
    lines = [f"**{summary.sentence()}**"]
    others = "Others" if summary.known else "Actions"
    for title, color, names in (
        ("Actions", "blue", summary.known),
        (others, "gray", summary.others),
    ):
        if names:
            shown = names if len(names) <= _FEW else names[: _FEW // 2]
            lines.append(" ".join([title, *(f":{color}-badge[{plain(n)}]" for n in shown)]))
            if len(shown) < len(names):
                lines[-1] += f" and {len(names) - len(shown)} more, listed on the page Model"
    st.markdown("  \n".join(lines))


def _show_model(recognizer: Recognizer, summary: ModelSummary, file: str) -> None:
    model = recognizer.model
    with st.expander("About this model", icon=":material/info:"):
        if summary.known and summary.missing:
            st.markdown(f"It does not know yet: {', '.join(summary.missing)}.")
        if model.open_set is None:
            st.markdown("It always answers with one of its own actions, whatever a video shows.")
        else:
            st.markdown(
                "It answers *none of the known actions* if a video is unlike those that it was "
                "trained on."
            )
        st.markdown(
            f"{file_name(file)} · {layers(model.architecture)} · "
            f"{model.parameters / 1e6:.1f} million parameters · "
            f"sees a frame every {model.preprocessing.interval_s:g} s, "
            f"{recognizer.window} frames for an answer"
        )
        for name, metrics in measurements(model):
            st.markdown(plain(measured(metrics, name)))
        table = class_table(model, [*summary.known, *summary.others])
        if len(table.columns) > 1:
            st.dataframe(table, hide_index=True)


def show_preview(upload: Upload, key: ModelKey, place: DeltaGenerator) -> bool:
    """Shows the video, until the player of its moments does; False where it cannot be read."""
    session = Session.current()
    with st.spinner("Preparing the preview …"):
        preview = session.preview(upload)
    if isinstance(preview, VideoError):
        error_boxes.show(preview, name=upload.name)
        return False
    asked = session.asked(upload, key)
    known = asked.result() if asked is not None and asked.done else None
    if isinstance(known, Prediction) and is_film(known.video):
        return True
    with place.container():
        st.video(preview.data, format=preview.mime, alt="Your video")
        if preview.transcoded:
            st.caption(
                "Converted for the browser, without sound; the model sees the original. For a long "
                f"video, this is the first {MAX_DURATION_S:.0f} s; the timeline plays every part."
            )
    return True


def show_hint() -> None:
    """What to do, while there is no video."""
    with st.container(border=True):
        st.markdown(
            "**How it works**\n"
            "1. Choose a video on this page, or drop it there.\n"
            "2. Watch it, and click **Predict**.\n"
            "3. Read the action, the runners-up, and the frames behind the answer."
        )


def ask(upload: Upload, key: ModelKey, recognizer: Recognizer) -> Prediction | None:
    """The Predict button, and the answer once there is one."""
    session = Session.current()
    asked = session.asked(upload, key)
    if st.button("Predict", type="primary", width="stretch") and asked is None:
        with error_boxes.shown():
            asked = session.ask(upload, key, recognizer)
    if asked is None:
        return None
    answer = wait(asked, STAGES, "Your video is next.")
    if isinstance(answer, VideoError):
        error_boxes.show(answer, name=upload.name)
        return None
    return replace(answer, file=upload.name)  # the same content can have come under another name


def show_answer(
    prediction: Prediction,
    upload: Upload,
    key: ModelKey,
    recognizer: Recognizer,
    preview: DeltaGenerator,
) -> str:
    """The action, how sure the model is, and the runners-up; of a film, what is seen when.

    Returns:
        the answer as a sentence; empty where there is none.
    """
    if is_film(prediction.video):
        found = find_course(prediction, upload, key, recognizer)
        preview.empty()  # the player below shows it
        if isinstance(found, VideoError):
            error_boxes.show(found, name=upload.name)
            return ""
        known = sum(segment.action is not None for segment in found.segments)
        moments = "1 moment" if known == 1 else f"{known} moments"
        st.header(moments if known else "None of the known actions", anchor=False)
        said = in_one_line(found.segments)
        if known:
            st.markdown(unbroken(plain(said)))
        second = st.container()
    else:
        known = prediction.action is not None
        said = headline(prediction)
        if prediction.action is not None:
            said += f": {nearest(prediction, of=2 if prediction.unsure else 1)}"
        st.header(plain(headline(prediction)), anchor=False)
        st.markdown(unbroken(_how_sure(prediction)))
        second = st.container()
        dark = st.context.theme.type == "dark"
        shares = ", ".join(f"{action} {percent(p)}" for action, p in prediction.ranked[:MAX_BARS])
        st.altair_chart(chart(prediction, dark=dark), width="stretch", alt=f"Bars: {shares}")
        if left_out(prediction):
            st.caption(left_out(prediction))
        st.caption(
            f"**Answered in {prediction.timings.total_s:.2f} s**: {stages(prediction.timings)}"
        )
    st.caption(f"**Video**: {video_facts(prediction.video)}")
    if not known:
        with second, error_boxes.shown():
            _ask_everyday(upload, key)
    return said


def _how_sure(prediction: Prediction) -> str:
    if prediction.action is None:
        known = percent(prediction.known_probability)
        return (
            f"It shows one of the model's actions with a probability of only {known}. "
            f"If it does, it is most likely {plain(nearest(prediction))}."
        )
    if prediction.unsure:
        return f"Most likely {plain(nearest(prediction))}: no action reaches {100 * UNSURE:.0f} %."
    sure = f"**{percent(prediction.probability)}** probability"
    for action, probability in prediction.ranked[1:2]:
        sure += f", runner-up {plain(action)} with {percent(probability)}"
    return sure


def _ask_everyday(upload: Upload, key: ModelKey) -> None:
    """What the model of everyday actions says where the chosen one knows none."""
    try:
        second, recognizer = everyday()
    except ModelFileError as error:
        st.caption(f"A second model could not be asked. {plain(str(error))}.")
        return
    if second == key:
        return
    answer = wait(
        Session.current().ask_second(upload, second, recognizer),
        STAGES,
        "Asking a second model …",
    )
    if isinstance(answer, VideoError):
        error_boxes.show(answer, name=upload.name)
        return
    said = nearest(answer) if answer.unsure else nearest(answer, of=1)
    unsure = "unsure, " if answer.unsure else ""
    known = f"{len(recognizer.classes)} everyday actions"
    st.markdown(unbroken(f"Kinetics-600 ({known}): {unsure}{plain(said)}"))
