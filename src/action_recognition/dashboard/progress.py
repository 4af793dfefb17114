"""What a visitor sees while a job waits in the queue and is worked on."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import streamlit as st

from action_recognition.dashboard.job_queue import Job, Result

_LOOK_S = 0.1  # between two looks at how far it is
_TURN = threading.BoundedSemaphore()
STAGES = {
    "open": (0.1, "Reading the video …"),
    "decode": (0.35, "Taking frames from it …"),
    "network": (0.7, "Looking at what happens in them …"),
}


def place(ahead: int) -> str:
    """Where in the queue a visitor is.

    >>> place(1), place(3)
    ('Waiting in line: 1 video is ahead of yours.', 'Waiting in line: 3 videos are ahead of yours.')
    """
    videos = "1 video is" if ahead == 1 else f"{ahead} videos are"
    return f"Waiting in line: {videos} ahead of yours."


def look_s(ahead: int) -> float:
    """Seconds between two looks of a visitor with so many before; each look draws on the page.

    Fifty who wait and look ten times a second leave hardly any time to the network.

    >>> look_s(0), look_s(6), look_s(50)
    (0.1, 0.7, 1.0)
    """
    return min(1.0, round(_LOOK_S * (1 + ahead), 1))


def wait(job: Job[Result], stages: Mapping[str, tuple[float, str]], working: str) -> Result:
    """Waits for a job, and shows its place in the queue, then its stage.

    Parameters:
        stages: share of the bar, 0..1, and text for each stage that the job tells.
        working: the text while it is worked on and has told no stage.

    Raises:
        Whatever the job raised.
    """
    if not job.done:
        with st.empty():
            # Each look is also where Streamlit can stop this run for a newer one.
            while not job.wait(look_s(job.ahead)):
                share, text = stages.get(job.stage, (0.0, working))
                st.progress(share, place(job.ahead) if job.ahead else text)
            st.empty()
    return job.result()


@contextmanager
def turn() -> Iterator[None]:
    """Long work in the script that draws a page: of all visitors, one at a time has its turn.

    It ends with the script: who leaves the page leaves the turn to others.
    """
    if not _TURN.acquire(blocking=False):
        with st.empty():
            while not _TURN.acquire(timeout=_LOOK_S):
                st.progress(0.0, "Waiting: another visitor's video is gone through …")
            st.empty()
    try:
        yield
    finally:
        _TURN.release()
