"""The page Recognize: upload a video or take an example, click Predict, read the answer."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from action_recognition.dashboard import failures
from action_recognition.dashboard.answer import chart, left_out
from action_recognition.dashboard.chosen import ModelKey, loaded
from action_recognition.dashboard.details import show_details
from action_recognition.dashboard.examples import Example, find_examples
from action_recognition.dashboard.knowledge import Knowledge, layers, measured
from action_recognition.dashboard.session import Session, Upload
from action_recognition.dashboard.settings import Settings
from action_recognition.dashboard.waiting import STAGES, wait
from action_recognition.dashboard.wording import (
    file_name,
    percent,
    plain,
    stages,
    video_facts,
)
from action_recognition.errors import VideoError
from action_recognition.preview import MAX_DURATION_S
from action_recognition.recognizer import Prediction, Recognizer
from action_recognition.video import FILE_EXTENSIONS

MAX_UPLOAD_MB = 500


def recognize_page() -> None:
    """Draws it."""
    st.title("Action Recognition", anchor=False)
    st.markdown(
        "Upload a video to see which human action it shows, how sure the model is, "
        "and which frames it looked at."
    )
    key, recognizer = loaded()
    knowledge = Knowledge.of(recognizer.classes)
    _show_classes(knowledge)
    work = st.container()
    _show_model(recognizer, knowledge, Path(key[0]).name)
    with work, failures.shown():
        _work(key, recognizer, knowledge)


def _work(key: ModelKey, recognizer: Recognizer, knowledge: Knowledge) -> None:
    """From the video to the answer."""
    left, right = st.columns(2, gap="large")
    with left:
        upload = _choose_video(recognizer)
        readable = upload is not None and _show_preview(upload)
    if upload is None or not readable:
        with right:
            _show_hint()
        return
    with right:
        prediction = _ask(upload, key, recognizer)
        if prediction is not None:
            _show_answer(prediction, knowledge)
    if prediction is not None:
        show_details(prediction, upload, key, recognizer)


def _choose_video(recognizer: Recognizer) -> Upload | None:
    """The visitor's own, or an example while there is none."""
    session = Session.current()
    upload = session.receive(
        st.file_uploader(
            "Video",
            type=list(FILE_EXTENSIONS),
            max_upload_size=MAX_UPLOAD_MB,
            help="The video is kept in memory for this visit only and never written to disk.",
        )
    )
    if upload is not None:
        return upload
    examples = {e.title: e for e in find_examples(Settings.read().examples, recognizer.classes)}
    title = st.pills("Or try an example", list(examples))
    if title is None:
        session.previews.clear()
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


def _show_classes(knowledge: Knowledge) -> None:
    lines = [f"**{knowledge.sentence()}**"]
    for title, color, names in (
        ("Actions", "blue", knowledge.known),
        ("Stand-ins", "gray", knowledge.stand_ins),
    ):
        if names:
            lines.append(" ".join([title, *(f":{color}-badge[{plain(n)}]" for n in names)]))
    st.markdown("  \n".join(lines))


def _show_model(recognizer: Recognizer, knowledge: Knowledge, file: str) -> None:
    model = recognizer.model
    with st.expander("About this model", icon=":material/info:"):
        if knowledge.missing:
            st.markdown(f"It does not know yet: {', '.join(knowledge.missing)}.")
        if model.novelty is None:
            st.markdown("It always answers with one of its own classes, whatever a video shows.")
        else:
            st.markdown(
                "It says *none of these* where a video is unlike those that it was trained on. "
                "It is set to take 95 % of videos of its own classes for known."
            )
        st.markdown(
            f"{file_name(file)} · {layers(model.network.architecture)} · "
            f"{sum(p.numel() for p in model.network.parameters()) / 1e6:.1f} million parameters · "
            f"clips of {model.preprocessing.frames} frames, "
            f"{model.preprocessing.interval_s:g} s apart"
        )
        if measured(model.metrics):
            st.markdown(measured(model.metrics))


def _show_preview(upload: Upload) -> bool:
    """Shows the video; False where it cannot be read."""
    with st.spinner("Preparing the preview …"):
        preview = Session.current().preview(upload)
    if isinstance(preview, VideoError):
        failures.show(preview, name=upload.name)
        return False
    st.video(preview.data, format=preview.mime)
    if preview.transcoded:
        st.caption(
            "Converted for the browser, without sound, "
            f"the first {MAX_DURATION_S:.0f} s at most. The model sees the original."
        )
    return True


def _show_hint() -> None:
    with st.container(border=True):
        st.markdown(
            "**How it works**\n"
            "1. Choose a video on this page, or drop it there.\n"
            "2. Watch it, and click **Predict**.\n"
            "3. Read the action, the runners-up, and the frames behind the answer."
        )


def _ask(upload: Upload, key: ModelKey, recognizer: Recognizer) -> Prediction | None:
    """The Predict button, and the answer once there is one."""
    session = Session.current()
    asked = session.asked(upload, key)
    if st.button("Predict", type="primary", width="stretch") and asked is None:
        asked = session.ask(upload, key, recognizer)
    if asked is None:
        return None
    answer = wait(asked, STAGES, "Your video is next.")
    if isinstance(answer, VideoError):
        failures.show(answer, name=upload.name)
        return None
    return answer


def _show_answer(prediction: Prediction, knowledge: Knowledge) -> None:
    if prediction.is_known is False:
        st.header("None of the known actions", anchor=False)
        sure = (
            f"The video is unlike those the model was trained on. The nearest of its actions is "
            f"**{plain(prediction.action)}**, {percent(prediction.probability)} if it must be one"
        )
    else:
        st.header(plain(prediction.action), anchor=False)
        sure = f"**{percent(prediction.probability)}** probability"
    if prediction.action in knowledge.stand_ins:
        sure += " · a stand-in class, not one of the project's actions"
    st.markdown(sure)
    dark = st.context.theme.type == "dark"
    st.altair_chart(chart(prediction, dark=dark), width="stretch")
    if left_out(prediction):
        st.caption(left_out(prediction))
    st.caption(
        f"**Answered in {prediction.timings.total_s:.2f} s**: {stages(prediction.timings)}  \n"
        f"**Video**: {video_facts(prediction.video)}"
    )
