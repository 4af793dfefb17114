"""The dashboard: its pages and what they have in common.

Opened by `start/page.py`. What the operator can set is in `settings`.
"""

from __future__ import annotations

import streamlit as st

from action_recognition.dashboard import error_boxes
from action_recognition.dashboard.pages.recognize import recognize_page

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
[data-testid="stCaptionContainer"] {opacity: 0.8 !important;}
[data-testid="stFileUploaderDropzoneInstructions"] * {white-space: normal !important;}
[data-testid="stButtonGroup"] [role="radiogroup"], [data-testid="stButtonGroup"] > div {
    flex-wrap: wrap; overflow: visible;}
</style>"""

# White on the light blue of the dark page's buttons has a contrast of 2.7 to 1 only.
_DARK_STYLE = """<style>
[data-testid="stBaseButton-primary"]:not(:disabled) {color: #10161d;}
</style>"""


def many() -> None:
    """The page Many videos. Each page is imported when it is opened: see `recognize_page`."""
    from action_recognition.dashboard.pages.many_videos import many_page

    many_page()


def live() -> None:
    """The page Live."""
    from action_recognition.dashboard.pages.live import live_page

    live_page()


def own_classes() -> None:
    """The page Your classes."""
    from action_recognition.dashboard.pages.own_classes import own_classes_page

    own_classes_page()


def model() -> None:
    """The page Model."""
    from action_recognition.dashboard.pages.model import model_page

    model_page()


def main() -> None:
    """Draws the page. Streamlit calls it anew at each interaction."""
    st.set_page_config(page_title="Action Recognition", page_icon="🎬", layout="wide")
    st.html(_STYLE)
    if st.context.theme.type == "dark":
        st.html(_DARK_STYLE)
    pages = [
        st.Page(recognize_page, title="Recognize", icon=":material/movie:", default=True),
        st.Page(many, title="Many videos", icon=":material/video_library:", url_path="many"),
        st.Page(live, title="Live", icon=":material/videocam:", url_path="live"),
        st.Page(own_classes, title="Your classes", icon=":material/school:", url_path="classes"),
        st.Page(model, title="Model", icon=":material/info:", url_path="model"),
    ]
    chosen = st.navigation(pages, position="top")
    with error_boxes.shown():
        chosen.run()


if __name__ == "__main__":
    main()
