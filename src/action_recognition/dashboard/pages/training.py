"""What the pages show of a training: its button, what it prints, and the model that comes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from action_recognition.dashboard.error_boxes import shown
from action_recognition.dashboard.formatting import plain
from action_recognition.dashboard.model_choice import choose, current, label
from action_recognition.dashboard.training_process import TrainingProcess, others_train

_LOOK_S = 1.0  # between two looks at what the command has printed


def offer(process: TrainingProcess, text: str, start: Callable[[], None], *, enabled: bool) -> None:
    """Draws the button that starts a training, or the one that stops it."""
    if process.running:
        if st.button("Stop the training", icon=":material/stop:"):
            process.stop()
            st.rerun()
        return
    others = others_train(process)
    if st.button(
        text, type="primary", icon=":material/school:", disabled=not enabled or others,
        help="Another training is going on." if others else None,
    ):  # fmt: skip
        start()
        st.rerun()


@st.fragment(run_every=_LOOK_S)
def show_progress(process: TrainingProcess, title: str) -> None:
    """Draws the last lines that the command has printed, until it ends."""
    with shown():
        st.markdown(title)
        st.code("\n".join(process.lines[-6:]) or "…", language=None)
    if not process.running:
        st.rerun()


def ended_well(process: TrainingProcess) -> bool:
    """Whether there is a new model; where there is none, the page says why."""
    if not process.exit_code and process.model_path.is_file():
        return True
    stopped = process.exit_code is not None and process.exit_code < 0
    why = process.lines[-1].removeprefix("action-recognition: ") if process.lines else ""
    st.warning("The training was stopped." if stopped else plain(why))
    return False


def tables(process: TrainingProcess) -> str:
    """The tables that the command has printed, as Markdown."""
    return "\n".join(line for line in process.lines if line.startswith("|"))


def show_notes(process: TrainingProcess) -> None:
    """Draws what the command has noted."""
    for line in process.lines:
        if line.startswith("action-recognition: note: "):
            note = line.removeprefix("action-recognition: note: ")
            st.caption(f"{plain(note[0].upper() + note[1:])}.")


def offer_model(process: TrainingProcess, *, back_to: Path) -> None:
    """Draws the download of the new model, and the way to use it and back."""
    in_use = process.owns(current())
    with st.container(horizontal=True):
        st.download_button(
            "New model", process.model_path.read_bytes(), process.model_path.name,
            "application/x-hdf5", on_click="ignore", icon=":material/download:",
        )  # fmt: skip
        text = f"Go back to {label(back_to)}" if in_use else "Use it in this visit"
        if st.button(text, icon=":material/swap_horiz:"):
            choose(back_to if in_use else process.model_path)
            st.rerun()
