"""The page: upload a video, see it, click Predict, read the answer.

Opened by `streamlit run op_app.py`. The environment variable ACTION_RECOGNITION_MODEL names a
model file to use in place of the one that comes with the package.
"""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from action_recognition.dashboard import failures
from action_recognition.dashboard.answer import chart, left_out
from action_recognition.dashboard.details import show_details
from action_recognition.dashboard.knowledge import Knowledge, layers, measured
from action_recognition.dashboard.model_page import show_model_page
from action_recognition.dashboard.session import Session, Upload
from action_recognition.dashboard.wording import (
    file_name,
    percent,
    plain,
    stages,
    video_facts,
)
from action_recognition.errors import ModelFileError, VideoError
from action_recognition.modelfile import shipped_model_path
from action_recognition.preview import MAX_DURATION_S
from action_recognition.recognizer import Prediction, Recognizer
from action_recognition.video import FILE_EXTENSIONS

MODEL_VARIABLE = "ACTION_RECOGNITION_MODEL"
MAX_UPLOAD_MB = 500

# A readable width on large screens; and a portrait video must not push the page down.
_STYLE = """<style>
[data-testid="stMainBlockContainer"] {max-width: 76rem; padding-top: 3rem; padding-bottom: 4rem;}
[data-testid="stVideo"] {max-height: 27rem; object-fit: contain; background: #000;
    border-radius: 0.5rem;}
div:has(> [data-testid="stImage"]) {width: 100%;}
[data-testid="stImage"] {display: grid; width: 100%; gap: 0.75rem;
    grid-template-columns: repeat(auto-fit, minmax(6rem, 1fr));}
[data-testid="stImageContainer"], [data-testid="stImage"] img {width: 100% !important;
    border-radius: 0.3rem;}
[data-testid="stImageCaption"] {width: 100% !important;}
</style>"""

ModelKey = tuple[str, int, int]  # path, time of change in ns, bytes: another file, another key


def main() -> None:
    """Draws the page. Streamlit calls it anew at each interaction."""
    st.set_page_config(page_title="Action Recognition", page_icon="🎬", layout="wide")
    st.html(_STYLE)
    pages = [
        st.Page(_recognize, title="Recognize", icon=":material/movie:", default=True),
        st.Page(_model, title="Model", icon=":material/info:", url_path="model"),
    ]
    chosen = st.navigation(pages, position="top")
    with failures.shown():
        chosen.run()


def _model() -> None:
    key, recognizer = _loaded()
    show_model_page(recognizer.model, Path(key[0]).name)


def _loaded() -> tuple[ModelKey, Recognizer]:
    """The model; where there is none, the page says why and ends."""
    try:
        key = _model_key()
        return key, _load_recognizer(key)
    except ModelFileError as error:
        failures.show(error)
        st.stop()


def _recognize() -> None:
    st.title("Action Recognition", anchor=False)
    st.markdown(
        "Upload a video to see which human action it shows, how sure the model is, "
        "and which frames it looked at."
    )
    key, recognizer = _loaded()
    knowledge = Knowledge.of(recognizer.classes)
    _show_classes(knowledge)
    work = st.container()
    _show_model(recognizer, knowledge, Path(key[0]).name)
    with work, failures.shown():
        _work(key, recognizer, knowledge)


def _work(key: ModelKey, recognizer: Recognizer, knowledge: Knowledge) -> None:
    """From the upload to the answer."""
    left, right = st.columns(2, gap="large")
    with left:
        upload = Session.current().receive(
            st.file_uploader(
                "Video",
                type=list(FILE_EXTENSIONS),
                max_upload_size=MAX_UPLOAD_MB,
                help="The video is kept in memory for this visit only and never written to disk.",
            )
        )
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


def _model_key() -> ModelKey:
    path = Path(os.environ.get(MODEL_VARIABLE) or shipped_model_path())
    try:
        facts = path.stat()
    except (OSError, ValueError):
        raise ModelFileError(f"{path.name}: there is no such model file") from None
    return str(path), facts.st_mtime_ns, facts.st_size


@st.cache_resource(show_spinner="Loading the model …", max_entries=1)
def _load_recognizer(key: ModelKey) -> Recognizer:
    return Recognizer.load(key[0])


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
    answer = session.known_answer(upload, key)
    if st.button("Predict", type="primary", width="stretch") and answer is None:
        with st.spinner(
            "Opening the video, decoding its frames, running the network …", show_time=True
        ):
            answer = session.answer(upload, key, recognizer)
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


if __name__ == "__main__":
    main()
