"""The page Recognize: upload a video or take an example, click Predict, read the answer.

What is shown first needs none of the network's libraries, which take seconds to load, once.
"""

from __future__ import annotations

import streamlit as st

from action_recognition.dashboard import error_boxes
from action_recognition.errors import ModelFileError
from action_recognition.video import FILE_EXTENSIONS

MAX_UPLOAD_MB = 500


def recognize_page() -> None:
    """Draws it."""
    st.title("Action Recognition", anchor=False)
    st.markdown(
        "Upload a video to see which human action it shows, how sure the model is, "
        "and which frames it looked at."
    )
    page = st.empty()
    with page.container():
        classes = st.container()
        left, right = st.columns(2, gap="large")
        with left:
            file = st.file_uploader(
                "Video",
                type=list(FILE_EXTENSIONS),
                max_upload_size=MAX_UPLOAD_MB,
                on_change=_let_go,
                help="The video is kept in memory for this visit only and never written to disk.",
            )
        details = st.container()
        spoken = st.container()
        about = st.container()
    try:
        with right, st.spinner("Loading the model …"):
            from action_recognition.dashboard.announcer import announce
            from action_recognition.dashboard.model_choice import load
            from action_recognition.dashboard.pages import answering
            from action_recognition.dashboard.pages.details import show_details

            key, recognizer = load()
    except ModelFileError as error:
        page.empty()  # an upload would lead nowhere
        error_boxes.show(error)
        return
    answering.show_summary(recognizer, key, classes, about)
    with error_boxes.shown(), left:
        upload = answering.choose_video(file, recognizer)
        preview = st.empty()
        if upload is not None and answering.show_preview(upload, key, preview):
            with right:
                prediction = answering.ask(upload, key, recognizer)
                said = ""
                if prediction is not None:
                    said = answering.show_answer(prediction, upload, key, recognizer, preview)
            with spoken:
                announce(said)
            if prediction is None:
                return
            with details:
                show_details(prediction, upload, key, recognizer)
        else:
            with right:
                answering.show_hint()


def _let_go() -> None:
    from action_recognition.dashboard.pages.answering import let_go

    let_go()
