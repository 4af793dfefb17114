"""The page Live: the browser's camera, with the action written over its picture."""

from __future__ import annotations

from importlib.util import find_spec

import streamlit as st

from action_recognition.dashboard.media.camera import Camera
from action_recognition.dashboard.model_choice import loaded
from action_recognition.dashboard.model_summary import ModelSummary
from action_recognition.dashboard.settings import Settings

_CAMERA = "action_recognition_camera"

# As wide as lets the picture and the button STOP below it stand on the screen with what is above.
_STYLE = """<style>
.st-key-camera {max-width: max(16rem, calc((100dvh - 20rem) * 4 / 3));}
</style>"""


def live_page() -> None:
    """Draws it."""
    st.title("Live", anchor=False)
    st.markdown(
        "Your camera, with the action of the last few seconds written over the picture. "
        "The number in ms is the latency: from the newest picture to its answer. Pictures that "
        "come faster than this server can take them are dropped, and their number is shown."
    )
    key, recognizer = loaded()
    st.markdown(f"**{ModelSummary.of(recognizer.classes).sentence()}**")
    if find_spec("streamlit_webrtc") is None:
        st.info(
            "This page needs one more package. The operator installs it with "
            "`pip install -c constraints.txt -e '.[live]'` and restarts the dashboard.",
            icon=":material/videocam_off:",
        )
        return
    from streamlit_webrtc import WebRtcMode, webrtc_streamer

    held = st.session_state.get(_CAMERA)
    if held is None or held[0] != key:
        held = st.session_state[_CAMERA] = (key, Camera(recognizer))
    camera: Camera = held[1]
    ice = Settings.read().ice
    st.html(_STYLE)
    with st.container(key="camera"):
        webrtc_streamer(
            key="live",
            mode=WebRtcMode.SENDRECV,
            # Without a server the connection stays within this machine or its network.
            rtc_configuration={"iceServers": [{"urls": [ice]}] if ice else []},
            media_stream_constraints={"video": {"width": {"ideal": 640}}, "audio": False},
            queued_video_frames_callback=camera.receive_newest,
            on_video_ended=camera.end,
            async_processing=True,
        )
    st.caption(
        "Frames go to this server, are processed in memory and are never stored. Browsers allow "
        "camera access only to pages on this machine or served over https."
    )
